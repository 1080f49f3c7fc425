"""A flight snapshot as text: what each thread did last, and what it is in now."""

from __future__ import annotations

from pathlib import Path

from soak.events import Phase
from soak.flight import MAGIC, SIZE, FlightReader, RingEntry, Snapshot, ThreadState

#: Operations shown per thread; the ring holds more.
SHOWN = 20
#: A snapshot that is older than this was not taken on this boot of this machine, or long ago.
_STALE_S = 3600.0


def is_flight(path: Path) -> bool:
    """Whether the file is a flight file that this version of soak can read."""
    if path.stat().st_size != SIZE:
        return False
    with path.open("rb") as file:
        return int.from_bytes(file.read(8), "little") == MAGIC


def read_ring(path: Path, *, now: float | None = None) -> str:
    """The text of a saved flight file. ``now`` is the moment it was saved, in monotonic seconds.

    Raises:
        ValueError: it is cut, or of another layout.
        OSError: it cannot be read.
    """
    reader = FlightReader(path)
    try:
        snapshot = reader.snapshot(rings=True)
    finally:
        reader.close()
    return render(snapshot, now=now)


def render(snapshot: Snapshot, *, now: float | None = None, shown: int = SHOWN) -> str:
    """The text of a snapshot; without a ``now`` that fits, times go by the last thing it recorded."""
    last = _last_moment(snapshot)
    if now is not None and not 0 <= now - last <= _STALE_S:
        now = None
    end = last if now is None else now
    lines = [
        f"iteration {snapshot.iteration}, {_phase(snapshot, end)}: {snapshot.operations} operations, "
        f"{snapshot.accepted} accepted, {snapshot.refused} refused",
        "Times in seconds before " + ("the last thing recorded." if now is None else "the snapshot."),
    ]
    if not snapshot.threads:
        lines.append("No thread was recorded.")
    for thread in sorted(snapshot.threads, key=lambda thread: (thread.since or end, thread.name)):
        lines += ["", *_thread(thread, end, shown)]
    return "\n".join(lines) + "\n"


def now_doing(thread: ThreadState, end: float) -> str:
    """``mutate-2 has been in add_object for 10.0 s``."""
    if not thread.doing:
        idle = f"has been between operations for {_ago(thread.since, end)}" if thread.since else "did nothing"
        return f"{thread.name} {idle}"
    words = f"{thread.name} has been in {thread.doing} for {_ago(thread.since, end)}"
    if thread.beat_at > thread.since:
        words += f", its last beat {_ago(thread.beat_at, end)} ago"
    return words


def _thread(thread: ThreadState, end: float, shown: int) -> list[str]:
    lines = [f"{now_doing(thread, end)} (thread {thread.native_id}, {thread.operations} operations)"]
    entries = thread.ring[-shown:] if shown else ()
    if thread.head > len(entries):
        lines.append(f"    … {thread.head - len(entries)} earlier ones")
    return lines + [_entry(entry, end) for entry in entries]


def _entry(entry: RingEntry, end: float) -> str:
    return f"    {entry.began - end:+11.6f}  {_took(entry.seconds):>9}  {entry.outcome:<7}  {entry.label}"


def _took(seconds: float) -> str:
    if seconds < 1e-3:
        return f"{seconds * 1e6:.0f} µs"
    return f"{seconds * 1e3:.1f} ms" if seconds < 1 else f"{seconds:.2f} s"


def _ago(moment: float, end: float) -> str:
    seconds = max(0.0, end - moment)
    return f"{seconds:.1f} s" if seconds >= 0.1 else _took(seconds)


def _phase(snapshot: Snapshot, end: float) -> str:
    if snapshot.phase is Phase.BOOT:
        return "boot"
    return f"{snapshot.phase.value} for {_ago(snapshot.phase_since, end)}"


def _last_moment(snapshot: Snapshot) -> float:
    moments = [snapshot.phase_since]
    for thread in snapshot.threads:
        moments += [
            thread.since,
            thread.beat_at,
            *(entry.began + entry.seconds for entry in thread.ring[-1:]),
        ]
    return max(moments)
