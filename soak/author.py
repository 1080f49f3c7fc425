"""What a scenario's author imports: scenario, operation, nemesis, invariant, check, always, Refused.

Standard library only: this module travels into the user's own environment (``--python``).

Every way of writing a scenario ends in one frozen :class:`Scenario`, which is all that a worker knows.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, Self

from soak.history import SECONDS, History, Model

SetUp = Callable[[Any, random.Random], Generator[Any, None, None]]
Call = Callable[[Any, random.Random], object]
Promise = Callable[[Any], object]
Need = Callable[[], "Ready | Missing"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A target's friendly "no": what was asked, why not, and what to do instead. Counted, never a failure."""

    what: str
    because: str
    remedy: str
    robot: str | None = None

    def __str__(self) -> str:
        return f"{self.what} refused: {self.because}; {self.remedy}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """A need is met, by this machine as it is or with ``env`` added to the worker's environment."""

    env: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """A need is not met: the scenario is skipped by name, with the reason and the remedy."""

    reason: str
    remedy: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One call on the target: by ``threads`` threads of its own, by ``processes`` processes of its own, or by
    the scenario's pool, by weight. ``mortal`` processes may be killed: others then take their places. It
    ``uses`` these verbs of the target.
    """

    name: str
    call: Call
    threads: int | None
    weight: float
    expects: tuple[type[BaseException], ...]
    processes: int | None = None
    mortal: bool = False
    uses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Nemesis:
    """Makes trouble and does no work, about every ``every`` seconds, from a thread of its own."""

    name: str
    call: Call
    every: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Invariant:
    """A promise that holds at any time; looked at about every ``every`` seconds while operations run."""

    promise: str
    holds: Promise
    every: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """A promise that holds once an iteration has come to rest."""

    promise: str
    holds: Promise


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """What is done to a target. Frozen: the first of soak's two narrow waists.

    ``uses`` are the verbs that a target must have, ``marks_use`` those that a `sometimes` needs beyond them;
    ``waived`` are the `sometimes` that the target at hand can never bring about.
    """

    name: str
    doc: str
    set_up: SetUp
    target: str | None
    seconds: float
    rounds: int | None
    threads: int
    operations: tuple[Operation, ...]
    nemeses: tuple[Nemesis, ...]
    invariants: tuple[Invariant, ...]
    checks: tuple[Check, ...]
    sometimes: tuple[str, ...]
    needs: tuple[Need, ...]
    fresh: bool
    real_exit: bool
    hang_after: float | None
    histories: tuple[Judged, ...] = ()
    uses: tuple[str, ...] = ()
    marks_use: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    waived: frozenset[str] = frozenset()

    @property
    def summary(self) -> str:
        """The first line of the docstring: what ``soak list`` prints."""
        return self.doc.strip().splitlines()[0] if self.doc.strip() else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A history that is judged at rest; ``decided`` is the index of the *sometimes* that says it could be."""

    history: History
    decided: int


class Stated(str):
    """A promise that a :class:`Guarantee` makes: its sentence, which knows what it is a part of."""

    guarantee: str

    def __new__(cls, text: str, guarantee: str = "") -> Self:
        made = super().__new__(cls, text)
        made.guarantee = guarantee
        return made


class Guarantee:
    """What several promises state together, so that one cause breaks now this one and now that one.

    Made by :func:`guarantee`. Its :meth:`promise` goes wherever a promise goes: to :func:`always`, to an
    invariant, to a check.
    """

    __slots__ = ("sentence",)

    def __init__(self, sentence: str) -> None:
        self.sentence = sentence

    def promise(self, text: str) -> str:
        """A promise that is broken as this guarantee: one finding with its others, which counts as what it
        was broken."""
        return Stated(text, self.sentence)


def guarantee(sentence: str) -> Guarantee:
    """Say that promises stand or fall together.

    First ``guard = soak.guarantee("a running policy keeps its scene")``, and then its promises, as in
    ``REFUSED = guard.promise("a mutation is refused while a policy runs")``.

    Group what one defect breaks in whichever place the schedule happens to show it, and no more: two promises
    of one guarantee are one finding. Keep ``sentence`` constant, for it names the finding.
    """
    return Guarantee(sentence)


def guarantee_of(promise: str) -> str:
    """The sentence of the guarantee that makes ``promise``, or ""."""
    return promise.guarantee if isinstance(promise, Stated) else ""


class Sometimes:
    """A thing that must be seen at least once in a run, or the run proves nothing (Antithesis's word).

    Made at import by :meth:`ScenarioBuilder.sometimes`, so that one that is never seen is known; call it
    where the thing happens: ``met()``, or ``met(window.running_throughout)``.
    """

    __slots__ = ("index", "text")

    def __init__(self, text: str, index: int) -> None:
        self.text = text
        self.index = index

    def __call__(self, condition: object = True) -> None:
        if condition:
            _witness.seen(self.index)


class ScenarioBuilder:
    """Collects a scenario's parts while its file is imported; :meth:`freeze` makes the record."""

    def __init__(self, set_up: SetUp, options: Mapping[str, Any]) -> None:
        self._set_up = set_up
        self._options = dict(options)
        self._operations: list[Operation] = []
        self._nemeses: list[Nemesis] = []
        self._invariants: list[Invariant] = []
        self._checks: list[Check] = []
        self._sometimes: list[Sometimes] = []
        self._marks_use: dict[str, tuple[str, ...]] = {}
        self._histories: list[Judged] = []
        self.__doc__ = set_up.__doc__

    def operation(
        self,
        *,
        threads: int | None = None,
        processes: int | None = None,
        mortal: bool = False,
        weight: float = 1.0,
        expects: tuple[type[BaseException], ...] = (),
        uses: tuple[str, ...] = (),
    ) -> Callable[[Call], Call]:
        """Add a call ``(state, rng)`` made over and over until the iteration's time is up.

        With ``threads=n``, n threads do nothing else; without, the scenario's pool of threads picks among
        its operations by ``weight``. Return :class:`Refused` to count a refusal. An exception that is not
        in ``expects`` is a finding of kind *error*; an expected one counts as a refusal.

        With ``processes=n``, n processes do nothing else, forked after set-up and before any thread of the
        iteration. Each has its own copy of the state: what it does shows through files, pipes and shared
        memory only. One that ends by itself (a signal, ``exit``) ends the worker in the same way, which is
        the finding. ``mortal`` ones may be sent SIGKILL by a nemesis (see :func:`processes`): each killed
        one is replaced by a new one with fresh random choices, until the time is up.

        ``uses`` names verbs of the target beyond the scenario's: without them the operation is left out, by
        name.

        Raises:
            ValueError: fewer than one thread or process, both, or ``mortal`` without processes.
        """
        for word, number in (("threads", threads), ("processes", processes)):
            if number is not None and number < 1:
                raise ValueError(f"{word} must be at least 1, got {number}; leave it out to use the pool")
        if threads is not None and processes is not None:
            raise ValueError("an operation has threads or processes, not both; make two operations of it")
        if mortal and processes is None:
            raise ValueError("mortal needs processes: a thread cannot be killed alone")

        def add(call: Call) -> Call:
            self._operations.append(
                Operation(
                    name=call.__name__,
                    call=call,
                    threads=threads,
                    weight=weight,
                    expects=expects,
                    processes=processes,
                    mortal=mortal,
                    uses=uses,
                )
            )
            return call

        return add

    def nemesis(self, *, every: float) -> Callable[[Call], Call]:
        """Add trouble ``(state, rng)`` about every ``every`` seconds."""

        def add(call: Call) -> Call:
            self._nemeses.append(Nemesis(name=call.__name__, call=call, every=every))
            return call

        return add

    def invariant(self, promise: str, *, every: float = 0.01) -> Callable[[Promise], Promise]:
        """Add a promise ``(state) -> bool`` that holds at any time while operations run."""

        def add(holds: Promise) -> Promise:
            self._invariants.append(Invariant(promise=promise, holds=holds, every=every))
            return holds

        return add

    def check(self, promise: str) -> Callable[[Promise], Promise]:
        """Add a promise ``(state) -> bool`` that holds once the iteration's operations have ended."""

        def add(holds: Promise) -> Promise:
            self._checks.append(Check(promise=promise, holds=holds))
            return holds

        return add

    def sometimes(self, text: str, *, uses: tuple[str, ...] = ()) -> Sometimes:
        """Declare a thing that a run must see at least once; returns the handle to call when it is seen.

        It is not waited for on a target that lacks one of the verbs that it ``uses``.
        """
        mark = Sometimes(text, len(self._sometimes))
        self._sometimes.append(mark)
        if uses:
            self._marks_use[text] = uses
        return mark

    def history(self, model: Model, *, name: str, seconds: float = SECONDS) -> History:
        """Declare that what is recorded in the returned handle must be linearizable under ``model``.

        Each iteration has a history of its own. At rest it is judged, in ``seconds`` at most: one that no
        order explains is a *violation*, one that is not decided a note. That some history was decided is a
        *sometimes*: a run that decided none has proved nothing.
        """
        decided = self.sometimes(f"the history of {name} was decided")
        history = History(model, name=name, seconds=seconds)
        self._histories.append(Judged(history=history, decided=decided.index))
        return history

    def freeze(self) -> Scenario:
        """The finished record."""
        options = self._options
        return Scenario(
            name=options["name"] or self._set_up.__name__,
            doc=self._set_up.__doc__ or "",
            set_up=self._set_up,
            target=options["target"],
            seconds=options["seconds"],
            rounds=options["rounds"],
            threads=options["threads"],
            operations=tuple(self._operations),
            nemeses=tuple(self._nemeses),
            invariants=tuple(self._invariants),
            checks=tuple(self._checks),
            sometimes=tuple(mark.text for mark in self._sometimes),
            needs=tuple(options["needs"]),
            fresh=options["fresh"],
            real_exit=options["real_exit"],
            hang_after=options["hang_after"],
            histories=tuple(self._histories),
            uses=options["uses"],
            marks_use=dict(self._marks_use),
        )


def scenario(
    *,
    seconds: float,
    name: str | None = None,
    target: str | None = None,
    rounds: int | None = None,
    threads: int = 1,
    needs: tuple[Need, ...] = (),
    fresh: bool = False,
    real_exit: bool = False,
    hang_after: float | None = None,
    uses: tuple[str, ...] = (),
) -> Callable[[SetUp], ScenarioBuilder]:
    """Make a scenario of a generator ``(target, rng)`` that sets up, yields the state, and tears down.

    Args:
        seconds: how long an iteration's operations run.
        name: the scenario's name; the function's by default.
        target: the default target's import string, ``module:attribute``; ``--target`` replaces it.
        rounds: end an iteration's operations after this many calls per thread, if sooner than ``seconds``.
        threads: the size of the pool that runs operations without threads of their own.
        needs: functions that say whether this machine can run the scenario, and with what environment.
        fresh: spawn the worker anew instead of forking it from the zygote.
        real_exit: the worker leaves through Python's own exit, which is then under test too.
        hang_after: seconds without progress that count as a hang, instead of the run's.
        uses: verbs without which a target cannot be soaked by this scenario, which is skipped by name then.
    """

    def build(set_up: SetUp) -> ScenarioBuilder:
        return ScenarioBuilder(
            set_up,
            {
                "seconds": seconds,
                "name": name,
                "target": target,
                "rounds": rounds,
                "threads": threads,
                "needs": needs,
                "fresh": fresh,
                "real_exit": real_exit,
                "hang_after": hang_after,
                "uses": uses,
            },
        )

    return build


class Witness(Protocol):
    """Where the author's statements go: the worker while it soaks, a plain assertion elsewhere."""

    def broken(self, promise: str, details: Mapping[str, object]) -> None: ...
    def seen(self, index: int) -> None: ...
    def enter(self, label: str) -> None: ...
    def leave(self, raised: bool = False) -> None: ...
    def beat(self) -> None: ...
    def stopping(self) -> bool: ...
    def processes(self, operations: tuple[str, ...]) -> tuple[int, ...]: ...
    def took(self, what: str, seconds: float) -> None: ...


class _PlainWitness:
    """Outside a worker (in a unit test, say) a broken promise is an AssertionError and the rest is silent."""

    def broken(self, promise: str, details: Mapping[str, object]) -> None:
        raise AssertionError(f"{promise} {dict(details)}" if details else promise)

    def seen(self, index: int) -> None:
        pass

    def enter(self, label: str) -> None:
        pass

    def leave(self, raised: bool = False) -> None:
        pass

    def beat(self) -> None:
        pass

    def stopping(self) -> bool:
        return False

    def processes(self, operations: tuple[str, ...]) -> tuple[int, ...]:
        return ()

    def took(self, what: str, seconds: float) -> None:
        pass


_witness: Witness = _PlainWitness()


def set_witness(witness: Witness) -> Witness:
    """Send the author's statements to ``witness``; returns the one before. The worker calls it."""
    global _witness
    before, _witness = _witness, witness
    return before


def always(condition: object, promise: str, **details: object) -> bool:
    """State that ``promise`` holds here. A broken one is a *violation*, with ``details`` as evidence.

    Keep ``promise`` a constant sentence and put what varies into ``details``: it names the finding, unless a
    :func:`guarantee` makes it, which then does. Never raises inside a worker: the iteration is stopped, kept
    as evidence, and a new worker carries on.
    """
    if condition:
        return True
    _witness.broken(promise, details)
    return False


class doing:  # noqa: N801 - read as a verb: `with soak.doing("add_object"):`
    """Name what this thread does now, for the flight ring and for "has been in `add_object` for 10 s".

    A plain class, not a generator: it stands around every call on the target and costs a third as much.
    """

    __slots__ = ("_label",)

    def __init__(self, label: str) -> None:
        self._label = label

    def __enter__(self) -> None:
        _witness.enter(self._label)

    def __exit__(self, *exc: object) -> None:
        _witness.leave(exc[0] is not None)


def beat() -> None:
    """Say that this thread made progress inside a long operation: from the loop that works, never a timer."""
    _witness.beat()


def stopping() -> bool:
    """Whether the iteration's time is up: long operations look, and end."""
    return _witness.stopping()


def took(what: str, seconds: float) -> None:
    """Say how long something took: the report shows its p50, p99 and maximum over the whole run.

    Keep ``what`` a constant name. From an operation's *process* nothing is counted.
    """
    _witness.took(what, seconds)


def processes(*operations: str) -> tuple[int, ...]:
    """The ids of the processes that live now, of these operations or of all, for a nemesis to signal.

    Stop any of them (SIGSTOP), but not beyond the nemesis's own call; kill (SIGKILL) only those of a
    ``mortal`` operation. One may end between this call and the signal: pass over ProcessLookupError.
    """
    return _witness.processes(operations)
