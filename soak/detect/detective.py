"""The fold that turns the stream into sightings: it knows the workers, calls the detectors, and numbers."""

from __future__ import annotations

from collections import deque

from soak.detect.clue import Clue, Watched
from soak.detect.crash import crash
from soak.detect.error import error
from soak.detect.exits import exited
from soak.detect.growth import Growth
from soak.detect.hang import hang
from soak.detect.harness import unusable
from soak.detect.infra import killed
from soak.detect.leak import left_behind, residue
from soak.detect.memory import growing
from soak.detect.project import Project
from soak.detect.violation import violation
from soak.events import (
    Beat,
    Blocked,
    Event,
    Frame,
    LastWords,
    LeftBehind,
    PromiseBroken,
    Raised,
    Residue,
    Sighted,
    Stuck,
    WorkerEnded,
    WorkerStarted,
)

#: What a worker left behind is told after its end, so the last ended workers are still known.
_ENDED_KNOWN = 64


class Detective:
    """Feed it every event of a run in order; it answers with what it recognised.

    Its memory is bounded: a fixed amount per living worker, and the last ended ones.
    """

    def __init__(self, sightings: int = 0, project: Project | None = None) -> None:
        """``sightings`` were numbered before: by the part of a resumed run that was interrupted. The files of
        the ``project`` are told from its top on."""
        self._project = project or Project()
        self._workers: dict[int, Watched] = {}
        self._ended: deque[int] = deque()
        self._count = sightings

    def feed(self, event: Event, *, evidence: tuple[str, ...] = ()) -> list[Sighted]:
        """The problems that ``event`` shows, each with ``evidence``: paths relative to the run's folder.

        Beats, residue and worker ends are judged here. A :class:`Stuck` is passed over: its stacks come
        later, so it is told by :meth:`stuck` once they are there.
        """
        match event:
            case WorkerStarted():
                self._workers[event.worker] = Watched(
                    scenario=event.scenario,
                    first_iteration=event.first_iteration,
                    iteration=event.first_iteration,
                    target=event.target,
                )
                return []
            case Beat() | PromiseBroken() | Raised() | Residue() | LastWords() | LeftBehind() | WorkerEnded():
                watched = self._watched(event.worker)
                clues = _clues(self._project.told(event), watched)
                sighted = [
                    self._sight(event.t, event.worker, watched, clue, evidence) for clue in clues if clue
                ]
                if isinstance(event, WorkerEnded):
                    self._retire(event.worker)
                return sighted
            case _:
                return []

    def stuck(
        self,
        event: Stuck,
        frames: tuple[Frame, ...],
        evidence: tuple[str, ...] = (),
        *,
        iteration: int | None = None,
        blocked: tuple[Blocked, ...] = (),
    ) -> Sighted:
        """The hang (or starvation) of ``event``; ``frames`` are the stuck thread's, innermost first, and
        ``blocked`` the threads that all others wait for, where that is known."""
        watched = self._watched(event.worker)
        if iteration is not None:
            watched.iteration = iteration
        at, others = self._project.frames(frames), self._project.blocked(blocked)
        clue = hang(event, at, watched.iteration, others)
        watched.hang_sighted = True
        return self._sight(event.t, event.worker, watched, clue, evidence)

    def _watched(self, worker: int) -> Watched:
        watched = self._workers.get(worker)
        if watched is None:
            watched = self._workers[worker] = Watched(scenario="", first_iteration=0, iteration=0)
        return watched

    def _retire(self, worker: int) -> None:
        # No beat follows an end; a series is forty kilobytes, and sixty-four of them look like a leak.
        self._workers[worker].growth = Growth()
        self._ended.append(worker)
        if len(self._ended) > _ENDED_KNOWN:
            self._workers.pop(self._ended.popleft(), None)

    def _sight(
        self, t: float, worker: int, watched: Watched, clue: Clue, evidence: tuple[str, ...]
    ) -> Sighted:
        self._count += 1
        return Sighted(
            t=t,
            sighting=self._count,
            worker=worker,
            scenario=watched.scenario,
            kind=clue.kind,
            title=clue.title,
            promise=clue.promise,
            detail=clue.detail,
            frames=clue.frames,
            doing=clue.doing,
            signal=clue.signal,
            tainted=clue.tainted,
            shutdown=clue.shutdown,
            iteration=clue.iteration,
            first_iteration=watched.first_iteration,
            evidence=evidence,
            target=watched.target,
            operation=clue.operation,
            blocked=clue.blocked,
            guarantee=clue.guarantee,
            project=self._project.name,
        )


def _clues(
    event: Beat | PromiseBroken | Raised | Residue | LastWords | LeftBehind | WorkerEnded, watched: Watched
) -> list[Clue] | list[Clue | None]:
    match event:
        case Beat():
            watched.iteration = event.iteration
            return [growing(event, watched.growth)]
        case PromiseBroken():
            watched.iteration = event.iteration
            return [violation(event)]
        case Raised():
            watched.iteration = event.iteration
            return [error(event)]
        case Residue():
            watched.iteration = event.iteration
            return residue(event)
        case LastWords():
            watched.unusable = event.reason == "unusable"
            return [unusable(event, watched.iteration)]
        case LeftBehind():
            return [left_behind(event, watched.iteration)]
        case WorkerEnded():
            watched.scenario = watched.scenario or event.scenario
            return [crash(event, watched), exited(event, watched), killed(event)]
