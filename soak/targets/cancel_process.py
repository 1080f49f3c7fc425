"""The process of one cell: ``python -m soak.targets.cancel_process RUNTIME PLACE VEHICLE GRACE``.

Standard library only.
"""

from __future__ import annotations

import importlib
import os
import resource
import sys
from typing import NoReturn

from soak.targets.cancel_cells import Place, Vehicle
from soak.targets.cancel_runtime import CancelRuntime, Said, say


def main(runtime: str, place: str, vehicle: str, grace: str) -> NoReturn:
    """Run one piece of work, say how it ended, and end."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    module, _, name = runtime.partition(":")
    make: type[CancelRuntime] = getattr(importlib.import_module(module), name)
    said = make(Place[place], Vehicle[vehicle], float(grace)).run()
    say(said.value)
    if said is Said.LEAKED:
        os._exit(0)  # a thread that cannot be ended must neither keep nor crash the end of the process
    sys.exit(0)


if __name__ == "__main__":
    main(*sys.argv[1:])
