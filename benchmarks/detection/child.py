"""``python -m benchmarks.detection.child CONTENDER KERNEL SECONDS SEED …``: one JSON line for each hunt.

``--twin`` looks in the corrected twin instead. ``--replay`` reads tokens from standard input, a line each,
and answers with a JSON list of which of them brought the bug back in this process.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time

from benchmarks.detection.contenders import CONTENDERS, model
from benchmarks.detection.kernels import KERNELS
from soak.events import to_plain


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("contender")
    parser.add_argument("kernel")
    parser.add_argument("seconds", type=float)
    parser.add_argument("seeds", type=int, nargs="*")
    parser.add_argument("--twin", action="store_true")
    parser.add_argument("--replay", action="store_true")
    options = parser.parse_args()
    kernel = KERNELS[options.kernel]
    if options.replay:
        print(json.dumps([model.replays(kernel, token.strip()) for token in sys.stdin]), flush=True)
        return
    until = time.perf_counter() + options.seconds
    for seed in options.seeds:
        left = until - time.perf_counter()
        if left <= 0:
            return
        program = kernel.fixed if options.twin else kernel.buggy
        stuck = False
        for hunt in CONTENDERS[options.contender].hunt(kernel, program, seed, left):
            print(json.dumps(to_plain(hunt)), flush=True)
            stuck = hunt.stuck
        if stuck:
            return


if __name__ == "__main__":
    main()
    sys.stdout.flush()
    os._exit(0)  # past the threads that wait for one another
