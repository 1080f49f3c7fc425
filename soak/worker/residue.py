"""What lives in the process and its folders besides memory: threads, descriptors, children, files.

Standard library only.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from soak.events import Frame, LeftOver
from soak.worker.threads import native_threads, origin_of, python_threads

#: A run that leaks files must not make every iteration walk all of them.
_MOST_FILES = 5_000
#: MuJoCo's log and the kernel's core are evidence, kept by the supervisor.
_EXEMPT_FILES = re.compile(r"^(MUJOCO_LOG\.TXT|core(\..*)?)$")
#: multiprocessing's helpers live as long as the process, by design.
_EXEMPT_CHILDREN = ("multiprocessing.resource_tracker", "multiprocessing.forkserver")
#: What libraries open once, whenever they first need it; leaks only if it happens again.
_LIBRARY_GOODS = re.compile(
    r"^(/dev/(dri/|nvidia|kfd|u?random)|/memfd:|anon_inode|native thread|.*\.so[.0-9]*$)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Thing:
    """One thing that an iteration could leave. ``key`` is its identity, ``name`` is for people.

    ``born`` says in which of the worker's iterations it was made, where that is known. ``slow`` things count
    as left over only from the second time on: libraries open such things once and keep them. Things of one
    ``pattern`` are one leak.
    """

    key: object
    name: str
    site: str = ""
    frames: tuple[Frame, ...] = field(default=(), compare=False)
    born: int | None = None

    @property
    def pattern(self) -> tuple[str, str]:
        return plain_path(self.name), self.site

    @property
    def slow(self) -> bool:
        return bool(_LIBRARY_GOODS.match(self.name))

    def left_over(self) -> LeftOver:
        return LeftOver(name=self.name, site=self.site, frames=self.frames)


_RANDOM_PARTS = re.compile(
    r"(?<=tmp)[a-z0-9_]{8}(?![A-Za-z0-9_])"  # tempfile's eight letters; first, for they may begin with 0x
    r"|0x[0-9a-fA-F]+|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"  # addresses and UUIDs
    r"|(?<![A-Za-z])(?![a-z]*_?\d+(?![a-z0-9_]))(?=[a-z_]*\d)[a-z0-9_]{8}(?![A-Za-z0-9_])"
)


def plain_path(text: str) -> str:
    """A name or path without the numbers and random letters that differ from one sighting to the next."""
    return re.sub(r"\d+", "#", _RANDOM_PARTS.sub("#", text))


def find_threads() -> list[Thing]:
    """The threads that Python started."""
    things = []
    for thread in python_threads():
        origin = origin_of(thread)
        frames = origin.frames() if origin is not None else ()
        things.append(
            Thing(
                key=(id(thread), thread.native_id),  # ids are used again
                name=thread.name,
                site=_site(frames),
                frames=frames,
                born=origin.iteration if origin is not None else None,
            )
        )
    return things


def _site(frames: tuple[Frame, ...]) -> str:
    if not frames:
        return ""
    first = frames[0]
    return f"{first.function} ({Path(first.file).name}:{first.line})"


def find_native_threads() -> list[Thing]:
    """The threads that native code started."""
    return [Thing(key=tid, name=f"native thread {name}") for tid, name in native_threads().items()]


def find_descriptors(root: Path) -> list[Thing]:
    """Open descriptors with what they point to; paths below ``root``, the worker's folder, are relative."""
    things = []
    for text in os.listdir("/proc/self/fd"):  # noqa: PTH208 - names only, and cheap
        try:
            goal = os.readlink(f"/proc/self/fd/{text}")  # noqa: PTH115 - a socket is no path
        except OSError:  # the listing's own
            continue
        name = goal.removeprefix(f"{root}/")
        things.append(Thing(key=(text, goal), name=re.sub(r":\[\d+\]$", "", name)))
    return things


def find_children() -> list[Thing]:
    """Child processes, ended ones that nobody waited for included, and orphans that the zygote adopted."""
    things = []
    for pid in (*_child_pids(), *_adopted_pids()):
        try:
            words = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
            comm = Path(f"/proc/{pid}/comm").read_text().strip()
        except (OSError, IndexError):
            continue
        if any(helper in words for helper in _EXEMPT_CHILDREN):
            continue
        name = f"{comm} (ended, not waited for)" if state == "Z" else words.strip() or comm
        things.append(Thing(key=pid, name=name[:200]))
    return things


def _child_pids() -> list[int]:
    me = os.getpid()
    try:
        return [
            int(pid)
            for path in Path("/proc/self/task").glob("*/children")
            for pid in path.read_text().split()
        ]
    except OSError:  # the file or its thread is gone, or the kernel has no such files: ask every process
        return [pid for pid in _all_pids() if _parent_of(pid) == me]


def _adopted_pids() -> list[int]:
    """The zygote's other children: what this worker's children left running when they ended."""
    parent = os.getppid()
    try:
        if b"zygote" not in Path(f"/proc/{parent}/cmdline").read_bytes().split(b"\0"):
            return []  # spawned by somebody else, whose children are no business of ours
        pids = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    except OSError:
        return []
    return [int(pid) for pid in pids if int(pid) != os.getpid()]


def _all_pids() -> Iterator[int]:
    return (int(name) for name in os.listdir("/proc") if name.isdigit())  # noqa: PTH208


def _parent_of(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except (OSError, IndexError):
        return 0


def find_files(folder: Path) -> list[Thing]:
    """Files and folders in the worker's TMPDIR and working directory, of which there are too many if any."""
    things: list[Thing] = []
    for name in ("tmp", "cwd"):
        for inside, folders, files in os.walk(folder / name):
            for entry in (*folders, *files):
                if len(things) >= _MOST_FILES:
                    return things
                if not _EXEMPT_FILES.match(entry):
                    path = os.path.relpath(os.path.join(inside, entry), folder)  # noqa: PTH118
                    things.append(Thing(key=path, name=path))
    return things


def finders(folder: Path) -> dict[str, Callable[[], list[Thing]]]:
    """What to count, by the name of the resource in :class:`soak.events.Residue`."""
    return {
        "thread": find_threads,
        "native thread": find_native_threads,
        "descriptor": lambda: find_descriptors(folder),
        "child": find_children,
        "file": lambda: find_files(folder),
    }
