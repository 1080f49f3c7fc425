"""What the simulation says about its policies: runs, replies, and the ground truth about live workers."""

from __future__ import annotations

import enum
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from concurrent.futures import wait as wait_futures
from dataclasses import dataclass
from typing import Any, Self

Observation = dict[str, Any]
Action = Mapping[str, Sequence[float]]
Policy = Callable[[Observation], Action]


class Ending(enum.Enum):
    """Why a policy's run ended."""

    RAN_OUT = "ran out"
    STOPPED = "stopped"
    RAISED = "raised"


class StopState(enum.Enum):
    """What became of the worker that was asked to stop."""

    STOPPED = "stopped"
    NOT_RUNNING = "was not running"
    STILL_RUNNING = "still running"


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyResult:
    """How a run went; ``seconds`` of wall time. ``error`` is the policy's own exception, or empty."""

    robot: str
    number: int
    steps: int
    seconds: float
    ending: Ending
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StopReply:
    """The honest answer to a stop. ``number`` is the run that was asked to stop, None where none ran."""

    robot: str
    state: StopState
    number: int | None
    steps: int

    @property
    def stopped(self) -> bool:
        return self.state is StopState.STOPPED

    @property
    def was_not_running(self) -> bool:
        return self.state is StopState.NOT_RUNNING

    @property
    def still_running(self) -> bool:
        return self.state is StopState.STILL_RUNNING


@dataclass(frozen=True, slots=True, kw_only=True)
class Closed:
    """The honest answer to a close: the robots whose workers did not end in time, and the seconds it took."""

    still_running: tuple[str, ...]
    seconds: float

    @property
    def clean(self) -> bool:
        """Whether every worker is gone."""
        return not self.still_running


@dataclass(frozen=True, slots=True, kw_only=True)
class LastStep:
    """The run that stepped last for a robot, and how many steps all its runs took together."""

    number: int
    steps: int


class PolicyRun:
    """One run of a policy on a robot, from its registration to the end of its worker.

    ``steps`` and ``thread`` are written by the worker alone; ``stop`` may be set by anybody; ``future`` is
    done only after the worker has left the policy loop.
    """

    def __init__(
        self,
        *,
        robot: str,
        number: int,
        policy: Policy,
        seconds: float | None,
        max_steps: int | None,
        blocking: bool,
    ) -> None:
        self.robot = robot
        self.number = number
        self.policy = policy
        self.blocking = blocking
        self.future: Future[PolicyResult] = Future()
        self.stop = threading.Event()
        self.steps = 0
        self.thread: int | None = None
        self._seconds = seconds
        self._max_steps = max_steps
        self._began = time.monotonic()

    def __repr__(self) -> str:
        return f"PolicyRun(robot={self.robot!r}, number={self.number}, steps={self.steps})"

    def done(self) -> bool:
        """Whether its worker has ended, in whatever way."""
        return self.future.done()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until :meth:`done`, at most ``timeout`` seconds; returns whether it is."""
        return bool(wait_futures([self.future], timeout).done)

    def begin(self) -> None:
        """The worker is here: the policy's seconds begin."""
        self.thread = threading.get_ident()
        self._began = time.monotonic()

    @property
    def seconds(self) -> float:
        """Wall seconds since the worker began."""
        return time.monotonic() - self._began

    def ran_out(self) -> bool:
        """Whether its seconds or its steps are used up."""
        if self._max_steps is not None and self.steps >= self._max_steps:
            return True
        return self._seconds is not None and self.seconds >= self._seconds

    def result(self, ending: Ending, error: str = "") -> PolicyResult:
        """What is said about this run in the end."""
        return PolicyResult(
            robot=self.robot,
            number=self.number,
            steps=self.steps,
            seconds=self.seconds,
            ending=ending,
            error=error,
        )


class LiveWorkers:
    """Ground truth: which runs are inside the policy loop, kept by the loop itself and by nobody else.

    It is independent of the policy table, so that an engine whose table lies is seen. Its lock is a leaf:
    nothing else is taken while it is held.
    """

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self._live: dict[int, str] = {}
        self._last: dict[str, LastStep] = {}

    def enter(self, run: PolicyRun) -> None:
        """``run``'s worker enters the policy loop."""
        with self.lock:
            self._live[run.number] = run.robot

    def leave(self, run: PolicyRun) -> None:
        """``run``'s worker has left the policy loop."""
        with self.lock:
            self._live.pop(run.number, None)

    def stepped(self, run: PolicyRun) -> None:
        """``run`` has just taken a step."""
        with self.lock:
            before = self._last.get(run.robot)
            self._last[run.robot] = LastStep(number=run.number, steps=before.steps + 1 if before else 1)

    def last_step(self, robot: str) -> LastStep | None:
        """The newest step of ``robot``'s policies, None before the first."""
        with self.lock:
            return self._last.get(robot)

    def numbers(self, robot: str | None = None) -> dict[int, str]:
        """The live runs' numbers with their robots: of one robot, or all."""
        with self.lock:
            return {number: who for number, who in self._live.items() if robot is None or who == robot}

    def by_robot(self) -> dict[str, tuple[int, ...]]:
        """The live runs' numbers of each robot that has any."""
        live: dict[str, tuple[int, ...]] = {}
        for number, robot in self.numbers().items():
            live[robot] = (*live.get(robot, ()), number)
        return live


class PolicyWindow:
    """Says of the time between entry and exit whether one policy run was live during all of it.

    ``running_throughout`` and ``robots`` (those whose run was live throughout) are valid after the exit.
    """

    def __init__(self, live: LiveWorkers, robot: str | None) -> None:
        self.running_throughout = False
        self.robots: tuple[str, ...] = ()
        self._live = live
        self._robot = robot
        self._before: dict[int, str] = {}

    def __enter__(self) -> Self:
        self._before = self._live.numbers(self._robot)
        return self

    def __exit__(self, *exc: object) -> None:
        after = self._live.numbers(self._robot)
        self.robots = tuple(sorted({self._before[number] for number in self._before.keys() & after.keys()}))
        self.running_throughout = bool(self.robots)
