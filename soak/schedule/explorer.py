"""`soak.race` and `soak.replay`: search the schedules of a function for one that fails, and bring it back."""

from __future__ import annotations

import dataclasses
import itertools
import random
import time
import types
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from soak.schedule.causes import difference
from soak.schedule.conductor import Conductor
from soak.schedule.frontier import Frontier
from soak.schedule.outcome import Deviation, Face, Strategy
from soak.schedule.points import Granularity
from soak.schedule.result import Result
from soak.schedule.shrink import shrink
from soak.schedule.stage import STALL, Stage
from soak.schedule.story import story
from soak.schedule.strategies import PORTFOLIO, Board, Follow, named
from soak.schedule.sweep import learn, sweep
from soak.schedule.target import Target, TargetLike
from soak.schedule.token import UNKNOWN, Token, minor, moves, trail_hash

LIMIT = 20_000
"""Steps after which a schedule counts as endless."""
STALLS = 3
"""Schedules that may stall before the search is given up."""
SWEEP_FIRST = 12
"""Schedules of the sweep that run before the frontier and the portfolio get their turns."""
OPCODES_EVERY = 4
"""One in so many of the portfolio's schedules switches between opcodes."""

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
            undisturbed = stage.run(Follow(), granularity=wanted.granularity, limit=steps, recording=True)
            strategy = _strategy(wanted.strategy, learn(undisturbed), wanted.seed)
        conductor = stage.run(strategy, granularity=wanted.granularity, limit=steps)
    now = wanted.of(conductor)
    exact = None if wanted.trace == UNKNOWN else now.trace == wanted.trace
    wanted.check({place.file for _, place in conductor.trail if not isinstance(place, str)})
    notes = set(stage.notes)
    if exact is False:
        notes.add("the trace is another one than the token's: something besides the schedule decides")
    return _timed(_result(conductor, now, notes, exact=exact), began)


class Search:
    """One search: the undisturbed schedule, its sweep, and the portfolio between.

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
        self.ran = 0
        self.swept = 0
        self.endless = 0
        self.stalls: list[str] = []
        self.boards: dict[Granularity, Board] = {}
        self.deviations: list[Deviation] = []
        self.files: tuple[tuple[str, str], ...] = ()

    def run(self, schedules: int) -> Result:
        undisturbed = self._learn(Granularity.LINE)
        if self._fails(undisturbed):
            return self._found(undisturbed, "undisturbed", Granularity.LINE)
        if not any(not isinstance(place, str) for _, place in undisturbed.trail):
            return self._nothing("no line of the target that threads could race on ran; check target=[…]")
        self.undisturbed = undisturbed.trail
        self.files = self._token(Granularity.LINE).of(undisturbed).files
        board, rng = self.boards[Granularity.LINE], random.Random(str(self.seed))
        self.deviations = sweep(undisturbed, board, rng)
        self.frontier = Frontier(board, rng)
        for words, granularity, strategy, name in self._attempts():
            if self.ran >= schedules or len(self.stalls) >= STALLS:
                break
            following = isinstance(strategy, Follow)
            conductor = self._try(granularity, strategy, name, recording=following)
            if self._fails(conductor):
                return self._found(conductor, words, granularity)
            if following:
                self.frontier.add(conductor)
        self._check_repeats()
        return self._nothing(None)

    def follow(self, deviations: tuple[Deviation, ...], granularity: Granularity) -> Result | None:
        """Only the schedule with these deviations: what it finds, if it fails."""
        conductor = self._try(granularity, Follow(deviations), moves(deviations))
        return self._found(conductor, "", granularity) if self._fails(conductor) else None

    def _fails(self, conductor: Conductor) -> bool:
        failure = conductor.over.failure if conductor.over else None
        return failure is not None and self.face in (None, failure.face)

    def _check_repeats(self) -> None:
        """The undisturbed schedule once more: does anything but the schedule decide?"""
        if not self.stalls:
            again = self._again((), Granularity.LINE)
            if trail_hash(again.trail) != trail_hash(self.undisturbed):
                self.stage.notes.add(difference(self.undisturbed, again.trail))

    def _attempts(self) -> Iterator[Attempt]:
        """The sweep's beginning, then turn by turn with the portfolio, which goes on when the sweep is
        done.
        """
        singles = self._singles()
        portfolio = self._portfolio()
        yield from itertools.islice(singles, SWEEP_FIRST)
        while True:
            extension = self.frontier.take()
            if extension is not None:
                yield "one switch more", Granularity.LINE, Follow(extension), moves(extension)
            yield next(portfolio)
            yield from itertools.islice(singles, 1)

    def _singles(self) -> Iterator[Attempt]:
        for deviation in self.deviations:
            yield "a single switch", Granularity.LINE, Follow((deviation,)), moves((deviation,))
            self.swept += 1

    def _portfolio(self) -> Iterator[Attempt]:
        names = itertools.cycle(PORTFOLIO)
        for number, name in enumerate(names, 1):
            granularity = Granularity.LINE if number % OPCODES_EVERY else Granularity.OPCODE
            if granularity not in self.boards:
                self._learn(granularity)
            recipe = f"{name}.{number}"
            yield name, granularity, _strategy(recipe, self.boards[granularity], self.seed), f"~{recipe}"

    def _learn(self, granularity: Granularity) -> Conductor:
        conductor = self._try(granularity, Follow(), "", recording=True)
        self.boards[granularity] = learn(conductor)
        return conductor

    def _try(
        self, granularity: Granularity, strategy: Strategy, moves: str, *, recording: bool = False
    ) -> Conductor:
        if self.before is not None:
            self.before(f"{self._token(granularity)}{moves}")
        conductor = self.stage.run(strategy, granularity=granularity, limit=self.steps, recording=recording)
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
        first, best = self.ran, conductor

        def fails(deviations: tuple[Deviation, ...]) -> tuple[Deviation, ...] | None:
            nonlocal best
            again = self._again(deviations, granularity)
            if not _same(conductor, again):
                return None
            if len(again.deviations) < len(best.deviations):
                best = again
            return tuple(again.deviations)

        _, replays = shrink(tuple(conductor.deviations), fails)
        token = self._token(granularity).of(best)
        check = self._again(tuple(best.deviations), granularity)
        exact = trail_hash(check.trail) == token.trace
        notes = set(self.stage.notes)
        if not exact:
            notes.add(difference(best.trail, check.trail))
        result = _result(best, token, notes, exact=exact)
        return self._counted(result, first=first, strategy=strategy, replays=replays + 1, schedules=first)

    def _again(self, deviations: tuple[Deviation, ...], granularity: Granularity) -> Conductor:
        if self.before is not None:
            self.before(f"{self._token(granularity)}{moves(deviations)}")
        return self.stage.run(Follow(deviations), granularity=granularity, limit=self.steps)

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
            **more,
        )


def _strategy(recipe: str, board: Board, seed: int) -> Strategy:
    name = recipe.partition(".")[0]
    return named(name, board, random.Random(f"{seed} {recipe}"))


def _same(one: Conductor, other: Conductor) -> bool:
    """Whether two schedules failed in the same way."""
    first = one.over.failure if one.over else None
    second = other.over.failure if other.over else None
    return first is not None and second is not None and first.face == second.face


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
