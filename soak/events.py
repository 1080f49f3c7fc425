"""The event stream: frozen dataclasses, one JSON line each. The second of soak's two narrow waists.

The worker and the supervisor write it, ``events.jsonl`` keeps it, and every detector, view and store folds
it. Standard library only. Times ``t`` are Unix seconds; durations are seconds; sizes are bytes.
"""

from __future__ import annotations

import dataclasses
import enum
import json
import types
import typing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from soak.timing import Took


class Kind(enum.Enum):
    """What a finding is. ``harness`` is soak's own fault, ``infra`` the machine's."""

    CRASH = "crash"
    EXIT = "exit"
    HANG = "hang"
    STARVATION = "starvation"
    LEAK = "leak"
    VIOLATION = "violation"
    ERROR = "error"
    HARNESS = "harness"
    INFRA = "infra"


class Phase(enum.Enum):
    """Where an iteration stands. The order is the order of life."""

    BOOT = "boot"
    SET_UP = "set-up"
    OPERATIONS = "operations"
    REST = "rest"
    CHECKS = "checks"
    TEARDOWN = "teardown"
    EXIT = "exit"


class Isolation(enum.Enum):
    """What has a process of its own: every iteration, or as many of a scenario's as a worker lives to see."""

    ITERATION = "iteration"
    RUN = "run"


class Verdict(enum.Enum):
    """What a run says in the end."""

    CLEAN = "clean"
    FINDINGS = "findings"
    UNPROVEN = "unproven"
    HARNESS_FAULT = "harness fault"
    CANNOT_RUN = "cannot run"
    INTERRUPTED = "interrupted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One stack frame, innermost first in a stack. ``file`` may be a shared object for native frames."""

    function: str
    file: str
    line: int = 0
    native: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Blocked:
    """A thread that a hang is named by: what it was ``doing``, where it stands, the locks that it ``holds``
    while others wait for them, and those that it ``waits`` for itself. ``thread`` is "" for one of the
    target's own."""

    thread: str
    doing: str
    frames: tuple[Frame, ...]
    holds: tuple[str, ...] = ()
    waits: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """What all events share: when (Unix seconds)."""

    t: float


# -- written by the supervisor: the run ------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStarted(Event):
    """First line of the stream."""

    run: str
    argv: tuple[str, ...]
    seed: int
    scenarios: tuple[str, ...]
    minutes: float | None
    count: int | None
    jobs: int
    environment: dict[str, str]
    isolation: Isolation = Isolation.RUN


@dataclass(frozen=True, slots=True, kw_only=True)
class Resumed(Event):
    """An interrupted or killed run goes on; ``seconds`` of its budget were spent before."""

    argv: tuple[str, ...]
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts(Event):
    """More of a run's environment, which took its time to find out."""

    facts: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScenarioSkipped(Event):
    """A scenario that this machine cannot run, by name, with what would help."""

    scenario: str
    reason: str
    remedy: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Note(Event):
    """A sentence for people that is no finding: "ptrace is not permitted, stacks come from cores"."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerStarted(Event):
    """A worker process runs. ``how`` is ``fork`` (from the zygote) or ``spawn``; ``target`` an import string,
    or "" where the scenario has none."""

    worker: int
    scenario: str
    pid: int
    first_iteration: int
    how: str
    sometimes: tuple[str, ...]
    target: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample(Event):
    """The supervisor's reading of one worker's resources; ``cpu`` in cores."""

    worker: int
    rss: int
    cpu: float
    threads: int
    fds: int
    operations: int
    accepted: int
    refused: int
    iterations: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Stuck(Event):
    """The supervisor saw no progress: thread ``thread`` has been in ``doing`` for ``seconds``.

    ``starved`` when the thread does make progress while another (``hog``) holds the processor; ``others``
    are the other threads' states in words.
    """

    worker: int
    thread: str
    doing: str
    phase: Phase
    seconds: float
    starved: bool
    hog: str
    others: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftBehind(Event):
    """A process that a worker left running; it has been killed. ``session`` is its process session id."""

    worker: int
    pid: int
    command: str
    session: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerEnded(Event):
    """A worker is gone. ``status`` as ``Popen.returncode``: negative for a signal.

    ``asked`` is why the supervisor ended it (``budget``, ``hang``, ``interrupt``), or empty where the worker
    ended by itself; ``last_words`` whether its closing event came; ``dump_began`` whether a dump from inside
    had been asked for, which taints a later crash; counters are read from the flight file, exact to the last
    operation; ``doing`` is what each thread was in at the end.
    """

    worker: int
    scenario: str
    status: int
    asked: str
    last_words: bool
    dump_began: bool
    phase: Phase
    iteration: int
    seconds: float
    iterations: int
    operations: int
    accepted: int
    refused: int
    sometimes: dict[str, int]
    doing: tuple[str, ...]
    fault_text: str
    mujoco_log: str
    oom: str
    operation: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighted(Event):
    """A detector recognised a problem: one sighting, with where its evidence lies.

    ``sighting`` numbers sightings in a run. ``frames`` are the frames that name the problem, innermost
    first; ``promise`` is the constant sentence for violations and what leaked for leaks; ``evidence`` are
    files in the run's folder, relative to it. ``detail`` is one line for people; ``signal`` is a number or 0.
    ``target`` is what was under test, "" where that is the scenario file itself; ``operation`` what a dead
    worker's only thread was in; ``blocked`` are the threads of a hang that wait for each other, or that the
    others wait for; ``guarantee`` is what a violation's promise is a part of, "" where it stands alone.
    ``frames`` of the project are told from its top on; ``project`` is what its folder was called.
    """

    sighting: int
    worker: int
    scenario: str
    kind: Kind
    title: str
    promise: str
    detail: str
    frames: tuple[Frame, ...]
    doing: tuple[str, ...]
    signal: int
    tainted: bool
    shutdown: bool
    iteration: int
    first_iteration: int
    evidence: tuple[str, ...]
    target: str = ""
    operation: str = ""
    blocked: tuple[Blocked, ...] = ()
    guarantee: str = ""
    project: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence(Event):
    """A file that came after its sighting (a native stack from a core), or the reason why there is none."""

    sighting: int
    name: str
    path: str
    problem: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept(Event):
    """The store filed a sighting: the ``occurrence``-th of ``finding``, ``new`` if never seen before.

    ``anywhere`` is the command that tries to bring it back on another checkout, which has no such store.
    """

    sighting: int
    finding: str
    occurrence: int
    new: bool
    path: str
    anywhere: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEnded(Event):
    """Last line of the stream."""

    verdict: Verdict
    seconds: float
    reason: str


# -- written by the worker -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Beat(Event):
    """The worker's progress record, at most some per second, at the end of an iteration; sums of the worker.

    Taken at rest: ``rss`` resident bytes, ``heap`` bytes in use by malloc, ``blocks`` Python's allocated
    blocks, ``maps`` memory mappings, ``threads`` operating system threads, ``fds`` open descriptors. ``took``
    is what the author timed, told every so often; empty otherwise.
    """

    worker: int
    iteration: int
    iterations: int
    seconds: float
    operations: int
    accepted: int
    refused: int
    sometimes: dict[str, int]
    rss: int
    heap: int
    blocks: int
    maps: int
    threads: int
    fds: int
    took: dict[str, Took] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class PromiseBroken(Event):
    """An ``always``, invariant or check did not hold. ``ring`` names the flight snapshot taken then.

    ``guarantee`` is what makes the promise, with others; "" where it stands alone.
    """

    worker: int
    iteration: int
    thread: str
    doing: str
    phase: Phase
    promise: str
    details: dict[str, str]
    frames: tuple[Frame, ...]
    ring: str
    guarantee: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Raised(Event):
    """An exception that nothing expected, in a thread of the scenario's or of the target's."""

    worker: int
    iteration: int
    thread: str
    doing: str
    phase: Phase
    error: str
    message: str
    traceback: str
    frames: tuple[Frame, ...]
    ring: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOver:
    """One thing that outlived its iteration: a thread's name and creation site, a descriptor and its goal."""

    name: str
    site: str
    frames: tuple[Frame, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Residue(Event):
    """What an iteration left behind after settling: ``resource`` is thread, descriptor, child or file."""

    worker: int
    iteration: int
    resource: str
    before: int
    after: int
    items: tuple[LeftOver, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Preceded(Event):
    """What the worker was told to run before its own iterations, in the same process, is done: one of it."""

    worker: int
    scenario: str
    iterations: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LastWords(Event):
    """The worker's closing event. ``reason``: ``asked``, ``count``, ``finding`` or ``unusable``."""

    worker: int
    reason: str
    iterations: int
    message: str = ""


# -- the line format -------------------------------------------------------------------------------------

E = TypeVar("E")


def encode(event: Event) -> bytes:
    """One event as one JSON line, ending in a newline."""
    return (
        json.dumps({"event": type(event).__name__, **_plain_fields(event)}, separators=(",", ":")) + "\n"
    ).encode("utf-8", "backslashreplace")


def decode(line: bytes | str) -> Event:
    """The event of one line. Unknown fields are passed over, so that an older reader reads a newer stream.

    Raises:
        ValueError: the line is not JSON, not an event, or lacks a field.
    """
    record = json.loads(line)
    if not isinstance(record, dict) or record.get("event") not in _EVENTS:
        name = record.get("event") if isinstance(record, dict) else record
        raise ValueError(f"expected one of soak's events, got {name!r}")
    event: Event = _build(_EVENTS[record["event"]], record)
    return event


def to_plain(value: Any) -> Any:
    """A value of the stream as JSON's own types."""
    match value:
        case enum.Enum():
            return value.value
        case Path():
            return str(value)
        case tuple() | list():
            return [to_plain(item) for item in value]
        case dict():
            return {str(key): to_plain(item) for key, item in value.items()}
        case _ if dataclasses.is_dataclass(value):
            return _plain_fields(value)
        case _:
            return value


def from_plain(kind: type[E], record: dict[str, Any]) -> E:
    """The frozen dataclass of ``kind`` that :func:`to_plain` made ``record`` of.

    Raises:
        ValueError: a field is missing or has a value that its type does not know.
    """
    built: E = _build(kind, record)
    return built


def _plain_fields(value: Any) -> dict[str, Any]:
    return {name: to_plain(getattr(value, name)) for name in _field_types(type(value))}


_FIELDS: dict[Any, dict[str, Any]] = {}


def _field_types(kind: Any) -> dict[str, Any]:
    types_of = _FIELDS.get(kind)
    if types_of is None:
        hints = typing.get_type_hints(kind)
        types_of = _FIELDS[kind] = {item.name: hints[item.name] for item in dataclasses.fields(kind)}
    return types_of


def _build(kind: Any, record: dict[str, Any]) -> Any:
    types_of = _field_types(kind)
    values = {name: _restore(types_of[name], record[name]) for name in types_of if name in record}
    try:
        return kind(**values)
    except TypeError as error:
        raise ValueError(f"{kind.__name__}: {error}") from error


def _restore(hint: Any, value: Any) -> Any:
    origin = typing.get_origin(hint)
    if origin is tuple:
        return tuple(_restore(typing.get_args(hint)[0], item) for item in value)
    if origin is dict:
        return {key: _restore(typing.get_args(hint)[1], item) for key, item in value.items()}
    if origin in (types.UnionType, typing.Union):
        inner = [arm for arm in typing.get_args(hint) if arm is not type(None)]
        return None if value is None else _restore(inner[0], value)
    if isinstance(hint, type) and issubclass(hint, (enum.Enum, Path)):
        return hint(value)
    if dataclasses.is_dataclass(hint):
        return _build(hint, value)
    return value


_EVENTS: dict[str, type[Event]] = {kind.__name__: kind for kind in Event.__subclasses__()}


# -- what the supervisor tells a worker ------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Before:
    """Iterations of a scenario that a worker runs before its own ones, in the same process, in this order."""

    scenario_file: str
    scenario: str
    target: str
    iterations: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerSpec:
    """Everything a worker is told, as one JSON document: it decides every choice of its iterations.

    ``scenario_file`` and ``scenario`` name the scenario, ``target`` an import string or "" for the
    scenario's own. ``folder`` is the worker's private folder: its working directory is ``folder/cwd``, its
    TMPDIR ``folder/tmp``, and stdout, stderr, fault.txt and flight lie in it. ``count`` bounds the worker's
    iterations (0: until asked to stop). ``perturb`` is none, light or heavy. ``cores`` asks for core files.
    What is ``before`` comes before; what it breaks ends the worker too.
    """

    worker: int
    scenario_file: str
    scenario: str
    target: str
    seed: int
    first_iteration: int
    count: int
    hang_after: float
    perturb: str
    guard_malloc: bool
    cores: bool
    folder: str
    env: dict[str, str] = field(default_factory=dict)
    before: tuple[Before, ...] = ()
