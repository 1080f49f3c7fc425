"""The stream of an exploration: a worker for each child; what its schedule showed is filed like a soak's."""

from __future__ import annotations

import dataclasses
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from soak.detect import Detective, faults
from soak.detect.knot import Halted, knot
from soak.detect.locks import Sources
from soak.detect.project import Project
from soak.events import (
    Event,
    Evidence,
    Frame,
    LastWords,
    Phase,
    PromiseBroken,
    Raised,
    RunEnded,
    RunStarted,
    ScenarioSkipped,
    Sighted,
    Stuck,
    Verdict,
    WorkerEnded,
    WorkerStarted,
    decode,
    from_plain,
)
from soak.supervisor.confirmation import HANG_AFTER, Confirmation, confirm
from soak.supervisor.exploration import Explored, explore_in_child
from soak.supervisor.halted import read_source
from soak.supervisor.interpreter import Interpreter
from soak.supervisor.plan import Entry, Plan, worker_environment
from soak.supervisor.run import Keeper, View
from soak.supervisor.stream import Stream
from soak.supervisor.worker import FAULT, STDERR, evidence_in

TOKEN, STORY, CONFIRMED = "token.txt", "story.txt", "confirmed.txt"
#: Of a hang that the child itself could not see, so much is known: it was in a schedule.
_IN_NATIVE = "a schedule"


class ExploredRun:
    """Children that explore or replay one scenario, in one run's folder.

    Its methods may raise ``StreamError`` and ``OSError``: the disk is full or cannot be written.
    """

    def __init__(
        self,
        plan: Plan,
        interpreter: Interpreter,
        folder: Path,
        *,
        keeper: Keeper,
        views: Sequence[View],
        tell_token: Callable[[str], None],
    ) -> None:
        """``tell_token`` hears the token of what is filed next, before the keeper does."""
        self._plan = plan
        self._entry: Entry = plan.entries[0]
        self._interpreter = interpreter
        self._folder = folder
        self._keeper = keeper
        self._views = views
        self._tell_token = tell_token
        self._detective = Detective(project=Project.of(Path.cwd()))
        self._stream = Stream(folder / "events.jsonl")
        self._began = time.monotonic()
        self._worker = 0

    def begin(
        self, argv: Sequence[str], environment: Mapping[str, str], skipped: Sequence[ScenarioSkipped]
    ) -> None:
        """The stream's first lines."""
        plan = self._plan
        self._emit(
            RunStarted(
                t=time.time(),
                run=self._folder.name,
                argv=tuple(argv),
                seed=plan.seed,
                scenarios=(self._entry.name,),
                minutes=None,
                count=plan.count,
                jobs=1,
                environment=dict(environment),
            )
        )
        for skip in skipped:
            self._emit(skip)

    def child(self, spec: Mapping[str, Any]) -> tuple[Explored, list[Sighted]]:
        """Run one child to its end, and file what it showed."""
        self._worker += 1
        home = self._folder / "workers" / str(self._worker)
        began = time.monotonic()
        explored = self._explore(spec, home, hang_after=self._plan.hang_after, started=self._started)
        found = self._told(explored, home, time.monotonic() - began)
        shutil.rmtree(home, ignore_errors=True)
        return explored, found

    def confirm(self, sighted: Sighted, spec: Mapping[str, Any], token: str, tries: int) -> Confirmation:
        """Have the calls that meet in ``sighted`` crash, in children of which nothing else is filed."""
        home = self._folder / "confirm"
        told = confirm(
            lambda more: self._explore({**spec, **more}, home, hang_after=HANG_AFTER), token, tries
        )
        stacks = "".join(_text(home / name) for name in (STDERR, FAULT)) if told.death else ""
        (home / CONFIRMED).write_text(f"{told.in_words()}\n\n{stacks}", encoding="utf-8")
        path = f"{home.name}/{CONFIRMED}"
        evidence = Evidence(t=time.time(), sighting=sighted.sighting, name=CONFIRMED, path=path, problem="")
        self._put(evidence)
        self._keeper.add(evidence)
        shutil.rmtree(home, ignore_errors=True)
        return told

    def _explore(
        self,
        spec: Mapping[str, Any],
        home: Path,
        *,
        hang_after: float,
        started: Callable[[int], None] = lambda _pid: None,
    ) -> Explored:
        home.mkdir(parents=True, exist_ok=True)
        with (home / STDERR).open("wb") as output:
            return explore_in_child(
                self._interpreter,
                {"scenario_file": str(self._entry.file), "scenario": self._entry.name, **spec},
                home,
                hang_after=hang_after,
                environment=worker_environment(self._entry, self._interpreter.python_path),
                output=output,
                started=started,
            )

    def end(self, verdict: Verdict, reason: str) -> None:
        """The stream's last line."""
        seconds = time.monotonic() - self._began
        self._emit(RunEnded(t=time.time(), verdict=verdict, seconds=seconds, reason=reason))
        self._stream.close()
        shutil.rmtree(self._folder / "workers", ignore_errors=True)

    # -- what a child showed -------------------------------------------------------------------------------

    def _started(self, pid: int) -> None:
        self._emit(
            WorkerStarted(
                t=time.time(),
                worker=self._worker,
                scenario=self._entry.name,
                pid=pid,
                first_iteration=0,
                how="spawn",
                sometimes=(),
                target=self._plan.target or self._entry.target,
            )
        )

    def _told(self, explored: Explored, home: Path, seconds: float) -> list[Sighted]:
        record = explored.record or {}
        self._tell_token(record.get("token") or explored.token)
        if record.get("found"):
            (home / STORY).write_text(f"{record['text']}\n", encoding="utf-8")
        if not (home / TOKEN).is_file() or record.get("token"):
            (home / TOKEN).write_text(f"{record.get('token') or ''}\n", encoding="utf-8")
        evidence = evidence_in(home, TOKEN, STORY)
        found: list[Sighted] = []
        if record.get("event"):
            found += self._failed(decode(record["event"]), record, evidence)
        elif record.get("halted"):
            found.append(self._deadlocked(record, evidence))
        elif explored.hung:
            found.append(self._hung(home, evidence))
        return found + self._ended(explored, record, home, seconds, evidence)

    def _failed(self, event: Event, record: Mapping[str, Any], evidence: tuple[str, ...]) -> list[Sighted]:
        assert isinstance(event, PromiseBroken | Raised)
        iteration = record.get("first") or 0
        return self._emit(dataclasses.replace(event, worker=self._worker, iteration=iteration), evidence)

    def _deadlocked(self, record: Mapping[str, Any], evidence: tuple[str, ...]) -> Sighted:
        threads = [
            Halted(
                thread=one["thread"],
                doing=one["doing"],
                frames=tuple(from_plain(Frame, frame) for frame in one["frames"]),
                stuck=True,
            )
            for one in record["halted"]
        ]
        first = next((thread for thread in threads if thread.doing), threads[0])
        sighted = self._detective.stuck(
            self._stuck(first.thread, first.doing, Phase(record["phase"])),
            first.frames,
            evidence,
            iteration=record.get("first") or 0,
            blocked=knot(threads, Sources(read_source)),
        )
        return self._file(dataclasses.replace(sighted, detail=record["words"]))

    def _hung(self, home: Path, evidence: tuple[str, ...]) -> Sighted:
        """Nothing moved any more, not even the child's own watch: native code keeps the GIL."""
        stacks = faults.parse(_text(home / FAULT)).threads
        current = next((stack for stack in stacks if stack.current), None)
        stuck = self._stuck("a thread", _IN_NATIVE, Phase.OPERATIONS)
        return self._file(self._detective.stuck(stuck, current.frames if current else (), evidence))

    def _stuck(self, thread: str, doing: str, phase: Phase) -> Stuck:
        event = Stuck(
            t=time.time(),
            worker=self._worker,
            thread=thread,
            doing=doing,
            phase=phase,
            seconds=self._plan.hang_after,
            starved=False,
            hog="",
            others=(),
        )
        self._put(event)
        return event

    def _ended(
        self,
        explored: Explored,
        record: Mapping[str, Any],
        home: Path,
        seconds: float,
        evidence: tuple[str, ...],
    ) -> list[Sighted]:
        """The worker's last words, if it had any, and its end: of what it died is a crash's evidence."""
        spoke = bool(record)
        schedules = int(record.get("schedules") or 0)
        failed = bool(record.get("found"))
        if spoke:
            reason = "finding" if failed else "count"
            self._emit(
                LastWords(t=time.time(), worker=self._worker, reason=reason, iterations=schedules - failed)
            )
        return self._emit(
            WorkerEnded(
                t=time.time(),
                worker=self._worker,
                scenario=self._entry.name,
                status=explored.exit_code,
                asked="hang" if explored.hung else "",
                last_words=spoke,
                dump_began=explored.hung,
                phase=Phase.EXIT if spoke else Phase.OPERATIONS,
                iteration=schedules,
                seconds=seconds,
                iterations=schedules - failed,
                operations=0,
                accepted=0,
                refused=0,
                sometimes={},
                doing=(),
                fault_text=_text(home / FAULT),
                mujoco_log="",
                oom="",
            ),
            evidence,
        )

    # -- the stream ----------------------------------------------------------------------------------------

    def _emit(self, event: Event, evidence: tuple[str, ...] = ()) -> list[Sighted]:
        self._put(event)
        return [self._file(sighted) for sighted in self._detective.feed(event, evidence=evidence)]

    def _file(self, sighted: Sighted) -> Sighted:
        self._put(sighted)
        self._put(self._keeper.keep(sighted))
        return sighted

    def _put(self, event: Event) -> None:
        self._stream.write(event)
        for view in self._views:
            view.see(event)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
