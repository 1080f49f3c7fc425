"""Runs cells of the matrix, each in a process of its own, and climbs a ladder where one does not end.

``python -m soak.targets.cancel_host`` runs all cells once and prints the table. Standard library only.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import soak
from soak.targets.cancel_cells import CELLS, Cause, Cell, Ending, Place, Statement, Vehicle, state
from soak.targets.cancel_runtime import CancelRuntime, Said

#: Seconds that a process has for coming up, and for going down once it has said its last word.
_START, _EXIT = 60.0, 30.0
#: Seconds between two looks. A process is late only if so many looks were had for each second: a machine that
#: is busy holds up everybody.
_LOOK, _LOOKS_PER_SECOND = 0.01, 50
_LAST_WORDS = {said.value: said for said in Said}


@dataclass(frozen=True, slots=True, kw_only=True)
class CellOutcome:
    """How a cell ended: by whom, with what last words, and how many seconds after it was cancelled."""

    cell: Cell
    ending: Ending
    said: Said | None
    status: int
    seconds: float

    @property
    def as_stated(self) -> bool:
        """No worse than stated, and with nothing cut short."""
        order = list(Ending)
        stated = state(self.cell.place, self.cell.vehicle).ending
        return order.index(self.ending) <= order.index(stated) and self.said is not Said.CUT_SHORT


class CancelHost:
    """Runs cells. Thread-safe, and never waits without a bound: what is inside a cell cannot wedge it."""

    #: What runs in the cell's process.
    runtime: type[CancelRuntime] = CancelRuntime

    def run(self, cell: Cell, delay: float = 0.0, beat: Callable[[], None] = soak.beat) -> CellOutcome:
        """Start the work, cancel it ``delay`` seconds after it is in its place, and wait for its end.

        Raises:
            RuntimeError: the work did not come to its place.
        """
        stated = state(cell.place, cell.vehicle)
        with self._process(cell, stated) as process:
            try:
                ear = _Ear(process, beat)
                wanted = "spawning" if cell.place is Place.SPAWN else "there"
                if not ear.wait_said({wanted}, _START):
                    raise RuntimeError(f"{cell}: it did not come to its place, but said {ear.words}")
                time.sleep(delay)
                began = time.monotonic()
                self._cause(cell.cause, process)
                ended = ear.wait_ended(stated.within)
                seconds = time.monotonic() - began
                if not ended:
                    self._climb(process)
            finally:
                _kill_group(process)
        said = next((_LAST_WORDS[word] for word in ear.words if word in _LAST_WORDS), None)
        ending = Ending.LADDER if not ended else _ending(said, process.returncode)
        return CellOutcome(
            cell=cell, ending=ending, said=said, status=process.returncode, seconds=round(seconds, 3)
        )

    def _process(self, cell: Cell, stated: Statement) -> subprocess.Popen[bytes]:
        root = str(Path(soak.__file__).parents[1])
        path = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH", ""))))
        runtime = f"{self.runtime.__module__}:{self.runtime.__qualname__}"
        words = [runtime, cell.place.name, cell.vehicle.name, str(stated.grace)]
        return subprocess.Popen(
            [sys.executable, "-m", "soak.targets.cancel_process", *words],
            env={**os.environ, "PYTHONPATH": path},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            start_new_session=True,
        )

    def _cause(self, cause: Cause, process: subprocess.Popen[bytes]) -> None:
        assert process.stdin is not None
        match cause:
            case Cause.SIGINT:
                process.send_signal(signal.SIGINT)
            case Cause.SIGTERM:
                process.send_signal(signal.SIGTERM)
            case Cause.CANCEL:
                process.stdin.write(b"c")
            case Cause.CLOSED:
                process.stdin.close()

    def _climb(self, process: subprocess.Popen[bytes]) -> None:
        """From a polite word to a kill of all."""
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(0.1)
        _kill_group(process)
        process.wait(_EXIT)


class _Ear:
    """Hears what a process says, without ever waiting for it."""

    def __init__(self, process: subprocess.Popen[bytes], beat: Callable[[], None]) -> None:
        assert process.stdout is not None
        self.words: list[str] = []
        self._process = process
        self._beat = beat
        self._out = process.stdout.fileno()
        self._rest = b""
        self._open = True

    def wait_said(self, wanted: set[str], seconds: float) -> bool:
        """Wait until one of ``wanted`` was said, at most about ``seconds``."""
        return self._wait(lambda: not wanted.isdisjoint(self.words), seconds)

    def wait_ended(self, seconds: float) -> bool:
        """Wait until the process has ended; once it has said its last word, that is only its own exit."""
        done = self.wait_said(set(_LAST_WORDS), seconds)
        return self._wait(lambda: self._process.poll() is not None, _EXIT if done else 0.0)

    def _wait(self, come: Callable[[], bool], seconds: float) -> bool:
        until, looks = time.monotonic() + seconds, seconds * _LOOKS_PER_SECOND
        while True:
            self._listen()
            if come():
                return True
            looks -= 1
            if time.monotonic() >= until and looks <= 0:
                return False
            if not self._open and self._process.poll() is not None:
                return come()
            self._beat()

    def _listen(self) -> None:
        """Wait for a word, as long as one look takes."""
        if not self._open:
            time.sleep(_LOOK)
            return
        with selectors.DefaultSelector() as selector:
            selector.register(self._out, selectors.EVENT_READ)
            if not selector.select(_LOOK):
                return
        data = os.read(self._out, 4096)
        self._open = bool(data)
        *lines, self._rest = (self._rest + data).split(b"\n")
        self.words += [line.decode() for line in lines]


def _ending(said: Said | None, status: int) -> Ending:
    if said in (Said.ITSELF, Said.CUT_SHORT) and status == 0:
        return Ending.ITSELF
    return Ending.HOST if said in (Said.KILLED, Said.LEAKED) else Ending.LADDER


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    """Nobody is left behind, whatever happened; the process itself is reaped by whoever waits."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def table(outcomes: list[CellOutcome]) -> str:
    """One line per place and vehicle: how its cells ended, and whether that is a known limit."""
    lines = []
    for place in Place:
        for vehicle in Vehicle:
            mine = [each for each in outcomes if (each.cell.place, each.cell.vehicle) == (place, vehicle)]
            if not mine:
                continue
            endings = " / ".join(dict.fromkeys(each.ending.value for each in mine))
            stated, longest = state(place, vehicle), max(each.seconds for each in mine)
            note = f"; known limit: {stated.why}" if stated.known_limit else ""
            bad = "" if all(each.as_stated for each in mine) else f"  NOT AS STATED ({stated.ending.value})"
            lines.append(
                f"{place.value:<37} {vehicle.value:<15} {len(mine):>3}×  {longest:5.2f} s  "
                f"{endings}{note}{bad}"
            )
    return "\n".join(lines)


def main() -> int:
    """Run all cells once, two at a time."""
    with ThreadPoolExecutor(2) as pool:
        outcomes = list(pool.map(CancelHost().run, CELLS))
    sys.stdout.write(table(outcomes) + "\n")
    return 0 if all(each.as_stated for each in outcomes) else 1


if __name__ == "__main__":
    sys.exit(main())
