"""``soak bisect``: the commit that brought a finding, though it comes only now and then."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from soak.cli.attempt import attempt
from soak.cli.exits import SIGNAL_BASE, Exit, MachineProblem, Problem, UsageProblem
from soak.cli.session import answer, locked, say
from soak.cli.subject import Subject, last_rate, require_soaked, stand, subject
from soak.findings.statistics import percent, tries_to_see
from soak.findings.store import Store
from soak.supervisor.run import Ending
from soak.triage.changepoint import Search, Suspects
from soak.triage.checkouts import Checkouts, Commit, GitError, inside, moved, top_of
from soak.triage.reproduce import Reproduced, plan_of

#: The bad commit is tried until its rate is known from so many hits, or so often that it would have come.
_HITS_WANTED, _LEAST_TRIES, _SURE = 5, 20, 0.99


@dataclass(frozen=True, slots=True, kw_only=True)
class BisectOptions:
    """The command line of ``soak bisect``."""

    finding: str
    good: str
    bad: str
    repo: Path = Path()
    build: str = ""
    confidence: float = 0.95
    minutes: float | None = None
    python: str = ""
    out: Path = Path(".soak")
    wait: float = 0.0
    as_json: bool = False
    quiet: bool = False


class _OverError(Exception):
    """The budget is spent (signal 0), or somebody interrupted."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def bisect(options: BisectOptions) -> int:
    """Find the first bad commit; 0 when it is known with the confidence asked for, 5 when it is not."""
    wanted = subject(options.finding, Store(options.out, say=say))
    require_soaked(wanted)
    with locked(options.out, options.wait), _told_by_git():
        top = top_of(options.repo)
        with Checkouts(top) as checkouts:
            commits = checkouts.commits(options.good, options.bad)
            hunt = _Hunt(options, wanted, checkouts, top, commits)
            say(f"soak: {wanted.id}: {wanted.title}; {len(commits) - 1} commits after {commits[0]}")
            ended_by = hunt.run(last_rate_tries(wanted, options.out))
    hunt.report()
    if ended_by:
        return SIGNAL_BASE + ended_by
    return Exit.CLEAN if hunt.is_sure else Exit.UNPROVEN


def last_rate_tries(wanted: Subject, out: Path) -> int:
    """So often it is tried where it must come, by the last rate that is known."""
    rate = last_rate(wanted, out)
    return max(_LEAST_TRIES, tries_to_see(min(0.999, rate.value), _SURE) if rate else 0)


@contextmanager
def _told_by_git() -> Iterator[None]:
    try:
        yield
    except GitError as error:
        raise UsageProblem(str(error)) from error


class _Hunt:
    """The search, the commits it is about, and how they are tried."""

    def __init__(
        self,
        options: BisectOptions,
        wanted: Subject,
        checkouts: Checkouts,
        top: Path,
        commits: tuple[Commit, ...],
    ) -> None:
        self._options = options
        self._wanted = wanted
        self._checkouts = checkouts
        self._top = top
        self._commits = commits
        self._last = len(commits) - 1
        self._cwd = Path.cwd()
        self._until = time.monotonic() + 60 * options.minutes if options.minutes is not None else None
        self._unbuilt: dict[int, str] = {}
        self.search = Search(self._last)

    @property
    def is_sure(self) -> bool:
        """Whether the answer has the confidence asked for."""
        suspects = self.search.suspects()
        return self._has_come and suspects.last > 0 and suspects.chance >= self._options.confidence

    @property
    def _has_come(self) -> bool:
        return self.search.counts(self._last)[0] > 0

    def run(self, tries: int) -> int:
        """Search; the signal that ended it, 0 for none."""
        try:
            self._try(self._last, tries, hits=_HITS_WANTED)
            if not self._has_come:
                return 0
            self._try(0, self._series())
            while not self.is_sure and (number := self.search.next()) is not None:
                self._try(number, self._series())
        except _OverError as over:
            return over.number
        except KeyboardInterrupt:
            # While a commit is checked out or built, no run listens to signals.
            return signal.SIGINT
        return 0

    def _series(self) -> int:
        return self.search.series(self._options.confidence)

    def _try(self, number: int, tries: int, hits: int = 1) -> None:
        """Try a commit until so many hits, and learn from it; one that cannot be tested is skipped."""
        left = None if self._until is None else (self._until - time.monotonic()) / 60
        if left is not None and left <= 0:
            raise _OverError(0)
        try:
            result = self._tried(self._commits[number], tries, hits, left)
        except Problem as problem:
            if number in (0, self._last):
                raise Problem(f"{self._commits[number]}: {problem}", problem.code) from problem
            self._unbuilt[number] = str(problem)
            self.search.skip(number)
            say(f"soak: {self._commits[number]}: skipped: {problem}")
            return
        self.search.saw(number, result.hits, result.clean)
        came = f"came {result.hits}/{result.tries}" if result.hits else f"clean 0/{result.clean}"
        chance = self.search.bad()[number]
        say(f"soak: {self._commits[number]}: {came}; bad with {percent(chance)} %")

    def _tried(self, commit: Commit, tries: int, hits: int, left: float | None) -> Reproduced:
        try:
            folder, is_new = self._checkouts.at(commit)
        except GitError as error:
            raise MachineProblem(f"it cannot be checked out: {error}") from error
        options, known = self._options, self._wanted.known
        word = self._laid_over(folder)
        with inside(folder, self._top, self._cwd) as here:
            if is_new and options.build:
                _build(options.build, here, self._checkouts.folder / "build.log")
            placed = Subject(
                id=self._wanted.id, kind=self._wanted.kind, known=known, filed=self._wanted.filed, word=word
            )
            out = self._checkouts.folder / "out"
            out.mkdir(exist_ok=True)
            stood = stand(placed, python=options.python, out=out, same_code=False, quiet=True)
            plan = plan_of(
                placed.kind, known, stood.entry, tries=tries, out=out, python=stood.python, minutes=left
            )
            tried = attempt(
                plan,
                placed.id,
                stood.interpreter,
                quiet=options.quiet,
                enough=lambda so_far: so_far.hits >= hits,
            )
        match tried.outcome.ending:
            case Ending.CANNOT_START:
                raise UsageProblem(tried.outcome.problem)
            case Ending.DISK:
                raise _OverError(0)
            case Ending.INTERRUPTED:
                raise _OverError(tried.outcome.signal)
        result = tried.result
        if not result.hits and not result.clean:
            if left is not None and not result.tries:
                raise _OverError(0)
            others = ", ".join(result.different) or "nothing that ended"
            raise MachineProblem(f"no try came to its end: {others}")
        return result

    def _laid_over(self, folder: Path) -> str:
        """The scenario's word for that checkout. Its file is what it is now, in every checkout: a ruler that
        changes measures nothing, and an old commit may not have it at all."""
        known = self._wanted.known
        file = Path(known.scenario_file)
        if not file.is_file() or not file.is_relative_to(self._top):
            return ""
        there = moved(file, self._top, folder)
        there.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, there)
        return f"{there}::{known.scenario}"

    # -- the answer --------------------------------------------------------------------------------------

    def report(self) -> None:
        """The last words: the answer, how sure it is, and what blurs it."""
        words = "\n".join(self._words())
        if self._options.as_json:
            answer(json.dumps(self._document(), indent=2))
            say(words)
        else:
            answer(words)

    def _words(self) -> list[str]:
        last = self._commits[self._last]
        if not self._has_come:
            _, misses = self.search.counts(self._last)
            if not misses:
                return [f"not found: no try at {last}, where it must come, came to its end"]
            return [f"not found: it does not come at {last} either, 0/{misses}; try --minutes or --python"]
        suspects = self.search.suspects()
        sure = percent(suspects.chance)
        if suspects.last == 0:
            return [f"not found: {self._commits[0]} has it already ({sure} %); name an older commit as good"]
        if len(suspects.numbers) == 1:
            lines = [f"first bad: {self._commits[suspects.last]} ({sure} %)"]
        else:
            lines = [f"first bad: one of {len(suspects.numbers)} commits ({sure} %)"]
            lines += [f"  {self._commits[number]}{self._why(number)}" for number in suspects.numbers]
        if not self.is_sure:
            lines.insert(0, f"not found with {percent(self._options.confidence)} %; the likeliest so far:")
        return [*lines, f"by {self.search.tries} tries at {self._tested} of {self._last + 1} commits"]

    def _why(self, number: int) -> str:
        return f"  could not be tested: {self._unbuilt[number]}" if number in self._unbuilt else ""

    @property
    def _tested(self) -> int:
        return sum(any(self.search.counts(number)) for number in range(self._last + 1))

    def _document(self) -> dict[str, object]:
        suspects: Suspects = self.search.suspects()
        return {
            "sure": self.is_sure,
            "chance": suspects.chance,
            "first_bad": [self._commits[number].name for number in suspects.numbers],
            "rate": self.search.rate(),
            "tries": self.search.tries,
            "commits": [
                {
                    "commit": commit.name,
                    "subject": commit.subject,
                    "hits": self.search.counts(number)[0],
                    "clean": self.search.counts(number)[1],
                    "skipped": self._unbuilt.get(number, ""),
                }
                for number, commit in enumerate(self._commits)
            ],
        }


def _build(command: str, folder: Path, log: Path) -> None:
    """Run the user's command in a checkout.

    Raises:
        MachineProblem: it failed, with its last line.
    """
    with log.open("wb") as output:
        done = subprocess.run(
            ["sh", "-c", command],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=dict(os.environ),
            check=False,
        )
    if done.returncode:
        said = log.read_text(errors="replace").strip().splitlines()[-1:] or ["without a word"]
        raise MachineProblem(f"--build ended with {done.returncode}: {said[0][:200]}")
