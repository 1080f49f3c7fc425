"""What stands around a guard: a file read and written, a runner replaced, a word missed."""

from __future__ import annotations

import contextlib
import os
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path

from benchmarks.detection.case import Case, Work
from benchmarks.detection.kernel import Kernel

_SOURCE = "what stands around the guard of policy-driven simulations"


class FileCounter(Case):
    """Two threads read a number from a file and write the next one; each file is whole, one step is lost."""

    def __init__(self) -> None:
        self.folder = tempfile.TemporaryDirectory(prefix="soak-kernel-")
        self.file = Path(self.folder.name, "count")
        self.file.write_text("0")
        self.guard: contextlib.AbstractContextManager[object] = contextlib.nullcontext()

    def threads(self) -> Sequence[Work]:
        return (lambda: self.count("a"), lambda: self.count("b"))

    def count(self, who: str) -> None:
        beside = self.file.with_suffix("." + who)
        with self.guard:
            read = int(self.file.read_text())
            beside.write_text(str(read + 1))
            os.replace(beside, self.file)  # noqa: PTH105 - one step for whoever counts steps

    def check(self) -> None:
        counted = int(self.file.read_text())
        self.folder.cleanup()
        assert counted == 2


class FileCounterFixed(FileCounter):
    """One at a time."""

    def __init__(self) -> None:
        super().__init__()
        self.guard = threading.Lock()


class SwapGap(Case):
    """A runner is taken out and stopped before the next one is put in; a reader finds none."""

    def __init__(self) -> None:
        self.runners: dict[str, str] = {"arm": "old"}

    def threads(self) -> Sequence[Work]:
        return (self.swap, self.read)

    def swap(self) -> None:
        self.runners.pop("arm")
        self.runners["arm"] = "new"

    def read(self) -> None:
        assert self.runners.get("arm") is not None


class SwapGapFixed(SwapGap):
    """The next one takes its place in one step."""

    def swap(self) -> None:
        self.runners["arm"] = "new"


class MissedNotify(Case):
    """Looks whether it must wait, and then waits: the word came between the two, and comes once."""

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.ready = False

    def threads(self) -> Sequence[Work]:
        return (self.wait, self.tell)

    def wait(self) -> None:
        if not self.ready:
            with self.changed:
                self.changed.wait()

    def tell(self) -> None:
        self.ready = True
        with self.changed:
            self.changed.notify()


class MissedNotifyFixed(MissedNotify):
    """It looks with the lock in its hands."""

    def wait(self) -> None:
        with self.changed:
            while not self.ready:
                self.changed.wait()


KERNELS = (
    Kernel(name="file_counter", source=_SOURCE, buggy=FileCounter, fixed=FileCounterFixed),
    Kernel(name="swap_gap", source=_SOURCE, buggy=SwapGap, fixed=SwapGapFixed),
    Kernel(name="missed_notify", source=_SOURCE, buggy=MissedNotify, fixed=MissedNotifyFixed, hangs=True),
)
