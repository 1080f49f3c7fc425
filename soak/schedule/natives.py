"""Native calls as a schedule sees them: a way in, a stay, a way out, and who is in which object meanwhile.

A native call that is one step can never overlap another: a schedule is blind to a use after free within it.
`native` puts switches around and inside the call without any other thread's ever being in the library at the
same time: the overlap is found by the books, deterministically, however short the real call is.
"""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from soak.schedule.conductor import Conductor
from soak.schedule.freeze import Freezer
from soak.schedule.task import Task, Unwind, here
from soak.stretch import stretched

Key = Callable[[Any], int]
_reals: dict[int, Any] = {}
"""The native function of each wrapper that lives, by the wrapper's id: builtin methods have no hash."""


class Overlap(AssertionError):
    """Two threads are in one native object at once, and at least one of them writes it."""


def native(
    owner: Any,
    name: str,
    *,
    reads: Sequence[str] = (),
    writes: Sequence[str] = (),
    parameters: Sequence[str] | None = None,
    key: Key = id,
    stretch: str | None = None,
) -> Callable[[], None]:
    """Say what the native function `owner.name` reads and writes, by the names of its `parameters`.

    Within a schedule a call may be preempted before it, in it and after it, and fails the schedule with
    `Overlap` where another thread is in one of its objects and one of the two writes it; the call is not
    made then. Outside of schedules nothing changes, but where `stretch` names the parameter that says how
    often the call does its work (by default once): now and then under heavy noise it does it more often, so
    that others are likelier to meet it. Who imported the function by name before keeps the plain one.
    `parameters` are read off the signature, or off the first line of the docstring as pybind11 writes it;
    `key` tells whether two objects are the same one, by default `id`.

    Returns what takes the wrapper away again. Raises ValueError where a parameter is unknown.
    """
    before = getattr(owner, name)
    real = _reals.get(id(before), before)  # said twice, the last word counts: a call has one inside
    title = f"{_named(owner)}.{name}"
    names = tuple(parameters) if parameters is not None else _parameters(real, title)
    _require(names, (*reads, *writes, *(() if stretch is None else (stretch,))), title)
    use = _Use(
        title=name,
        reads=tuple((names.index(one), one) for one in reads),
        writes=tuple((names.index(one), one) for one in writes),
        key=key,
    )

    def make(args: tuple[Any, ...], kwargs: dict[str, Any], count_of: Callable[[int], int]) -> Any:
        if stretch is not None:
            args, kwargs = _repeated(args, kwargs, names.index(stretch), stretch, count_of)
        return real(*args, **kwargs)

    @functools.wraps(real)
    def call(*args: Any, **kwargs: Any) -> Any:
        task = here()
        if task is None:
            return make(args, kwargs, stretched)
        conductor = task.conductor
        stay = Stay(
            task=task,
            use=use,
            objects=use.objects(args, kwargs),
            call=lambda times: make(args, kwargs, lambda count: times * count),
        )
        if _books.freezer is not None:
            _be_met(conductor, stay, _books.freezer)
            return real(*args, **kwargs)
        conductor.touch(task, f"comes to {name}")
        with _inside(conductor, stay):
            conductor.touch(task, f"is in {name}")
            result = real(*args, **kwargs)
        conductor.touch(task, f"comes out of {name}")
        return result

    def restore() -> None:
        setattr(owner, name, before)
        _reals.pop(id(call), None)

    _reals[id(call)] = real
    setattr(owner, name, call)
    return restore


def _require(names: Sequence[str], wanted: Sequence[str], title: str) -> None:
    """Raises ValueError where a wanted parameter is not among `names`."""
    unknown = [one for one in wanted if one not in names]
    if unknown:
        raise ValueError(
            f"{title} has no parameter {', '.join(unknown)}; it has {', '.join(names)}. "
            "Name one of these, or hand in parameters=(…)"
        )


def _repeated(
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    position: int,
    name: str,
    count_of: Callable[[int], int],
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments with another count at a position, or by a name: that of what was asked for."""
    if position < len(args):
        return (*args[:position], count_of(args[position]), *args[position + 1 :]), kwargs
    asked = kwargs.get(name, 1)
    count = count_of(asked)
    return args, kwargs if count == asked else kwargs | {name: count}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Use:
    """What a call does to its arguments, by their positions and names."""

    title: str
    reads: tuple[tuple[int, str], ...]
    writes: tuple[tuple[int, str], ...]
    key: Key

    def objects(self, args: Sequence[Any], kwargs: dict[str, Any]) -> dict[int, tuple[str, bool]]:
        """Each object's key, with its name for people, and whether it is written."""
        found: dict[int, tuple[str, bool]] = {}
        for uses, written in ((self.reads, False), (self.writes, True)):
            for position, name in uses:
                value = args[position] if position < len(args) else kwargs.get(name)
                if value is not None:
                    found[self.key(value)] = (f"{name} ({type(value).__name__})", written)
        return found


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Stay:
    """A thread's being in a native call. ``call`` makes it, so many times as long if that can be."""

    task: Task
    use: _Use
    objects: dict[int, tuple[str, bool]]
    call: Callable[[int], Any]


class _Books:
    """Who is in which native call of the schedule that runs. Touched by the one running thread only."""

    def __init__(self) -> None:
        self.conductor: Conductor | None = None
        self.stays: list[Stay] = []
        self.freezer: Freezer | None = None


_books = _Books()


def confirming() -> bool:
    """Whether two calls that overlap are to meet: what can be made longer should be said so then."""
    return _books.freezer is not None


@contextmanager
def confirmed_by(freezer: Freezer) -> Iterator[None]:
    """Within, the two calls of an overlap do meet, once the schedule has failed."""
    _books.freezer = freezer
    try:
        yield
    finally:
        _books.freezer = None


def _be_met(conductor: Conductor, stay: Stay, freezer: Freezer) -> None:
    """Pass the points of a call before it is made, inside at all of them: whoever comes meanwhile meets it.

    A target's own oracle, which may have seen the overlap, has a thread inside from the first to the last.
    """
    name = stay.use.title
    with _inside(conductor, stay):
        try:
            for what in (f"comes to {name}", f"is in {name}", f"comes out of {name}"):
                conductor.touch(stay.task, what)
        except Unwind:
            freezer.go_through(stay)
            raise


@contextmanager
def _inside(conductor: Conductor, stay: Stay) -> Iterator[None]:
    if _books.conductor is not conductor:
        _books.conductor, _books.stays = conductor, []
    _tell(conductor, stay)
    met = ((other, words) for other in _books.stays if (words := _conflict(other, stay)) is not None)
    for other, words in met:
        conductor.fail(stay.task, Overlap(words))
        if _books.freezer is not None:
            _books.freezer.meet(other, stay, words)
        conductor.touch(stay.task, "must not enter")  # the schedule is over: this ends the thread
    _books.stays.append(stay)
    try:
        yield
    finally:
        _books.stays.remove(stay)
        _tell(conductor, stay)


def _tell(conductor: Conductor, stay: Stay) -> None:
    """Who comes to an object and leaves it in which order counts."""
    for key in stay.objects:
        conductor.sync(stay.task, ("native", key))


def _conflict(there: Stay, comes: Stay) -> str | None:
    if there.task is comes.task:
        return None
    for key, (name, written) in comes.objects.items():
        if key in there.objects and (written or there.objects[key][1]):
            does, did = ("writes" if one else "reads" for one in (written, there.objects[key][1]))
            return (
                f"{comes.use.title} {does} {name} in thread {comes.task.name} while thread "
                f"{there.task.name} is in {there.use.title}, which {did} it"
            )
    return None


def _parameters(real: Any, title: str) -> tuple[str, ...]:
    try:
        return tuple(inspect.signature(real).parameters)
    except (TypeError, ValueError):  # builtin without a signature
        names = _documented(getattr(real, "__doc__", None) or "")
    if not names:
        raise ValueError(f"{title} does not tell its parameters; hand in parameters=(…)")
    return names


def _documented(doc: str) -> tuple[str, ...]:
    """The names in `f(m: a.B, n: C[d, e] = 1) -> None`, whatever the types hold."""
    _, _, rest = doc.partition("(")
    depth, flat = 0, ""
    for letter in rest:
        if letter == ")" and depth == 0:
            break
        depth += (letter in "([{") - (letter in ")]}")
        flat += letter if depth == 0 and letter not in ")]}" else ""
    return tuple(re.findall(r"(?:^|,)\s*(\w+)\s*:", flat))


def _named(owner: Any) -> str:
    return str(getattr(owner, "__name__", type(owner).__name__))
