"""`soak.race` and `soak.replay`: search the schedules of a function for one that fails, and bring it back."""

from __future__ import annotations

import dataclasses
import itertools
import random
import time
import types
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from soak.schedule.causes import difference
from soak.schedule.conductor import Conductor
from soak.schedule.distil import Distillation
from soak.schedule.frontier import Frontier
from soak.schedule.outcome import Deviation, Face, Strategy
from soak.schedule.points import Granularity
from soak.schedule.result import Result
from soak.schedule.shrink import REPLAYS
from soak.schedule.simplify import Script
from soak.schedule.stage import STALL, Stage
from soak.schedule.story import story
from soak.schedule.strategies import ROTATION, Board, Follow, named
from soak.schedule.sweep import learn, sweep
from soak.schedule.target import Target, TargetLike
from soak.schedule.token import UNKNOWN, Token, files_in, minor, moves, trail_hash

LIMIT = 20_000
"""Steps after which a schedule counts as endless."""
STALLS = 3
"""Schedules that may stall before the search is given up."""
SHRINK_SECONDS, LEAST_REPLAYS = 15.0, 10
"""Real seconds that shrinking may take, if schedules are long; but so many replays are made in any case."""
OPENING = ("walk.0", "urw.0")
"""Tried between opcodes before anything is known; a random schedule teaches as well as another."""
ROUND = ("portfolio", "single", "single", "portfolio", "further", "further")
"""Whose turn it is, again and again."""

Attempt = tuple[str, Granularity, Strategy, str]
"""Name for people, granularity, strategy, and its name in a token."""


def race(
    function: Callable[[], Any],
    target: Iterable[TargetLike] | TargetLike | None = None,
    schedules: int = 500,
    seed: int = 0,
    *,
    steps: int = LIMIT,
    stall: float = STALL,
    before: Callable[[str], None] | None = None,
) -> Result:
    """Call `function` once for each of up to `schedules` schedules of the threads that it starts, until one
    fails.

    A schedule fails by an exception that nobody caught, in any thread, or by a deadlock. Switches happen at
    the lines (in rotation: opcodes) of the `target`'s files, by default the function's own, and wherever a
    thread blocks. The function is called anew each time and must make its own state. A schedule ends after
    `steps` points, or after `stall` real seconds in which nothing moved. `before` is given each schedule's
    token before it runs, so that it outlives a crash of the process.
    """
    began = time.monotonic()
    with Stage(function, Target.of(target, function), seed=seed, stall=stall) as stage:
        search = Search(stage, seed=seed, steps=steps, before=before)
        result = search.run(schedules)
    return _timed(result, began)


def replay(
    function: Callable[[], Any],
    token: str,
    *,
    steps: int = LIMIT,
    stall: float = STALL,
    beside: Iterable[types.ModuleType] = (),
) -> Result:
    """Run the one schedule that `token` describes. Raises `BadToken` for another Python's, or of changed
    source. The locks of the modules `beside` are controlled as well.
    """
    began = time.monotonic()
    wanted = Token.parse(token)
    target = Target(names=[name for name, _ in wanted.files])
    wanted.check(module.__file__ for module in target.modules() if module.__file__)
    with Stage(function, target, seed=wanted.seed, stall=stall, beside=beside) as stage:
        strategy: Strategy = Follow(wanted.deviations)
        if wanted.strategy is not None:
            first = stage.run(
                _teacher(wanted.granularity, wanted.seed),
                granularity=wanted.granularity,
                limit=steps,
                recording=True,
            )
            strategy = _strategy(wanted.strategy, learn(first), wanted.seed)
        conductor = stage.run(strategy, granularity=wanted.granularity, limit=steps)
        if not _is_exact(conductor, wanted):
            # A process's first schedule imports what the others find, and takes more locks. The token's was
            # seldom one: once more, in a warm process.
            again = stage.run(strategy, granularity=wanted.granularity, limit=steps)
            conductor = again if _is_exact(again, wanted) else conductor
    now = wanted.of(conductor)
    exact = None if wanted.trace == UNKNOWN else _is_exact(conductor, wanted)
    wanted.check({place.file for _, place in conductor.trail if not isinstance(place, str)})
    notes = set(stage.notes)
    if exact is False:
        notes.add("the trace is another one than the token's: something besides the schedule decides")
    return _timed(_result(conductor, now, notes, exact=exact), began)


def _is_exact(conductor: Conductor, wanted: Token) -> bool:
    """Whether a schedule went as the token's did, as far as that is known."""
    return wanted.trace in (UNKNOWN, wanted.of(conductor).trace)


class Search:
    """One search: chance, the undisturbed schedule, its sweep, and the portfolio between.

    ``work`` goes into the tokens; with a ``face``, a failure counts if it has that one.
    """

    def __init__(
        self,
        stage: Stage,
        *,
        seed: int,
        steps: int = LIMIT,
        before: Callable[[str], None] | None = None,
        work: str = "",
        face: Face | None = None,
    ) -> None:
        self.stage = stage
        self.seed = seed
        self.work = work
        self.face = face
        self.steps = steps
        self.before = before
        self.started = time.monotonic()
        self.ran = 0
        self.swept = 0
        self.endless = 0
        self.stalls: list[str] = []
        self.boards: dict[Granularity, Board] = {}
        self.deviations: list[Deviation] = []
        # Until a schedule has shown which of them take part, all could: a first one that kills needs a token.
        self.files = files_in(module.__file__ for module in stage.target.modules() if module.__file__)

    def run(self, schedules: int) -> Result:
        for words, granularity, strategy, name in self._attempts(chance=schedules > len(OPENING)):
            if self.ran >= schedules or len(self.stalls) >= STALLS:
                break
            conductor = self._try(granularity, strategy, name)
            if self._fails(conductor):
                return self._found(conductor, words, granularity)
            if not name and not any(not isinstance(place, str) for _, place in conductor.trail):
                return self._nothing("no line of the target that threads could race on ran; check target=[…]")
            self._learn(conductor, granularity, strategy)
        self._check_repeats()
        return self._nothing(None)

    def follow(self, deviations: Sequence[Deviation], granularity: Granularity) -> Result | None:
        """Only the schedule with these deviations: what it finds, if it fails."""
        strategy = Follow(tuple(deviations))
        conductor = self._try(granularity, strategy, moves(deviations))
        return self._found(conductor, "", granularity) if self._fails(conductor) else None

    def _fails(self, conductor: Conductor) -> bool:
        failure = conductor.over.failure if conductor.over else None
        return failure is not None and self.face in (None, failure.face)

    def _learn(self, conductor: Conductor, granularity: Granularity, strategy: Strategy) -> None:
        """The first schedule of each granularity teaches; what follows deviations is built upon."""
        if granularity not in self.boards:
            self.boards[granularity] = learn(conductor)
            if granularity is Granularity.LINE:
                self._learn_undisturbed(conductor)
        elif isinstance(strategy, Follow):
            self.frontier.add(conductor)

    def _learn_undisturbed(self, conductor: Conductor) -> None:
        self.undisturbed = conductor.trail
        self.files = self._token(Granularity.LINE).of(conductor).files
        board, rng = self.boards[Granularity.LINE], random.Random(str(self.seed))
        self.deviations = sweep(conductor, board, rng)
        self.frontier = Frontier(board, rng)

    def _check_repeats(self) -> None:
        """The undisturbed schedule once more: does anything but the schedule decide?"""
        if not self.stalls:
            again = self._follow((), Granularity.LINE)
            if trail_hash(again.trail) != trail_hash(self.undisturbed):
                self.stage.notes.add(difference(self.undisturbed, again.trail))

    def _attempts(self, *, chance: bool) -> Iterator[Attempt]:
        """Chance, which needs no knowledge and often does; the undisturbed schedule; then turn by turn its
        sweep, what lies a switch behind, and the portfolio, which goes on when the others are done.
        """
        for recipe in OPENING if chance else ():
            yield self._recipe(recipe, Granularity.OPCODE)
        yield "undisturbed", Granularity.LINE, Follow(), ""
        turns: dict[str, Iterator[Attempt | None]] = {
            "single": self._singles(),
            "further": self._further(),
            "portfolio": self._portfolio(),
        }
        for turn in itertools.cycle(ROUND):
            attempt = next(turns[turn], None)
            if attempt is not None:
                yield attempt

    def _singles(self) -> Iterator[Attempt]:
        for deviation in self.deviations:
            yield "a single switch", Granularity.LINE, Follow((deviation,)), moves((deviation,))
            self.swept += 1

    def _further(self) -> Iterator[Attempt | None]:
        while True:
            extension = self.frontier.take()
            if extension is not None:
                yield "one switch more", Granularity.LINE, Follow(extension), moves(extension)
            else:
                yield None

    def _portfolio(self) -> Iterator[Attempt]:
        for number, (name, granularity) in enumerate(itertools.cycle(ROTATION), 1):
            yield self._recipe(f"{name}.{number}", granularity)

    def _recipe(self, recipe: str, granularity: Granularity) -> Attempt:
        strategy = _strategy(recipe, self.boards.get(granularity, Board()), self.seed)
        return recipe.partition(".")[0], granularity, strategy, f"~{recipe}"

    def _try(self, granularity: Granularity, strategy: Strategy, name: str) -> Conductor:
        recording = granularity not in self.boards or isinstance(strategy, Follow)
        conductor = self._run(strategy, name, granularity, recording=recording)
        self.ran += 1
        assert conductor.over is not None
        self.endless += conductor.over.endless
        if conductor.over.stalled is not None:
            self.stalls.append(conductor.over.stalled)
        return conductor

    def _token(self, granularity: Granularity) -> Token:
        return Token(
            python=minor(),
            granularity=granularity,
            seed=self.seed,
            trace=UNKNOWN,
            files=self.files,
            work=self.work,
        )

    def _found(self, conductor: Conductor, strategy: str, granularity: Granularity) -> Result:
        first, began = self.ran, time.monotonic()
        found = Distillation(self._run, conductor, granularity, limit=self._replays())
        found.work()
        token = self._token(found.granularity).of(found.best)
        check = self._follow(found.best.deviations, found.granularity)
        exact = trail_hash(check.trail) == token.trace
        notes = set(self.stage.notes)
        if not exact:
            notes.add(difference(found.best.trail, check.trail))
        result = _result(found.best, token, notes, exact=exact)
        return self._counted(
            result,
            first=first,
            strategy=strategy,
            replays=found.replays + 1,
            schedules=first,
            shrinking=time.monotonic() - began,
        )

    def _replays(self) -> int:
        """How many replays of schedules as long as those before there is time for."""
        each = (time.monotonic() - self.started) / max(1, self.ran)
        return max(LEAST_REPLAYS, min(REPLAYS, int(SHRINK_SECONDS / each))) if each > 0 else REPLAYS

    def _follow(self, deviations: Sequence[Deviation], granularity: Granularity) -> Conductor:
        return self._run(Follow(tuple(deviations)), moves(deviations), granularity)

    def _run(
        self, strategy: Strategy, name: str, granularity: Granularity, *, recording: bool = False
    ) -> Conductor:
        if self.before is not None:
            self.before(f"{self._token(granularity)}{name}")
        return self.stage.run(strategy, granularity=granularity, limit=self.steps, recording=recording)

    def _nothing(self, unproven: str | None) -> Result:
        if unproven is None and len(self.stalls) in (STALLS, self.ran):
            unproven = f"{len(self.stalls)} of {self.ran} schedules stalled: {self.stalls[0]}"
        if unproven is None and self.endless == self.ran:
            unproven = f"no schedule ended within {self.steps} steps"
        return self._counted(
            Result(found=False, unproven=unproven, notes=tuple(sorted(self.stage.notes))),
            schedules=self.ran,
        )

    def _counted(self, result: Result, **more: Any) -> Result:
        return dataclasses.replace(
            result,
            swept=self.swept,
            sweep=len(self.deviations),
            endless=self.endless,
            stalled=self.stalls[0] if self.stalls else None,
            uncontrolled=bool(self.stalls or self.stage.foreign),
            **more,
        )


def _teacher(granularity: Granularity, seed: int) -> Strategy:
    """The strategy of the first schedule of each granularity, from which the others know what there is."""
    return Follow() if granularity is Granularity.LINE else _strategy(OPENING[0], Board(), seed)


def _strategy(recipe: str, board: Board, seed: int) -> Strategy:
    name, _, rest = recipe.partition(".")
    if name == Script.NAME:
        return Script.parse(rest)
    return named(name, board, random.Random(f"{seed} {recipe}"))


def _result(conductor: Conductor, token: Token, notes: set[str], *, exact: bool | None) -> Result:
    assert conductor.over is not None
    failure = conductor.over.failure
    if failure is None:
        return Result(
            found=False,
            token=str(token),
            schedules=1,
            endless=int(conductor.over.endless),
            stalled=conductor.over.stalled,
            notes=tuple(sorted(notes)),
            exact=exact,
            steps=conductor.steps,
        )
    return Result(
        found=True,
        kind=failure.kind,
        words=failure.words,
        error=failure.error,
        face=failure.face,
        stacks=failure.stacks,
        token=str(token),
        story=story(conductor, failure),
        schedules=1,
        preemptions=sum(step > 0 for _, step, _ in conductor.deviations),
        switches=len(conductor.deviations),
        notes=tuple(sorted(notes)),
        exact=exact,
        steps=conductor.steps,
    )


def _timed(result: Result, began: float) -> Result:
    return dataclasses.replace(result, seconds=time.monotonic() - began)
