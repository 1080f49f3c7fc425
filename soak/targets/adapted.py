"""A user's engine in the words of the built-in simulation, so that its scenarios and promises apply.

Robots are called ``left`` and ``right`` here, and ``robots[0]`` and ``robots[1]`` there; others keep their
names. A verb that the engine lacks is refused: scenarios that need it were left out before.

Standard library only.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

from soak.author import Refused, doing
from soak.targets.adapted_run import AdaptedRun
from soak.targets.mujoco_runs import (
    Closed,
    LastStep,
    LiveWorkers,
    Policy,
    PolicyResult,
    PolicyRun,
    PolicyWindow,
    StopReply,
    StopState,
)
from soak.targets.protocol import PolicySimulation

#: What scenarios call the first two robots.
NAMES = ("left", "right")
#: Seconds that stand for one step, where a scenario counts steps and an engine seconds.
STEP = 0.003
_FOREVER = 3600.0
_CLOSED = "the simulation is closed"


@dataclass(frozen=True, slots=True, kw_only=True)
class AdaptedVersion:
    """The scene's version, which is whole: the engine does not say what belongs to which robot."""

    parts: tuple[tuple[str, tuple[object, ...]], ...]

    def part(self, robots: Iterable[str]) -> tuple[tuple[str, tuple[object, ...]], ...]:
        """What may not change while policies of ``robots`` run."""
        return self.parts


@dataclass(frozen=True, slots=True, kw_only=True)
class AdaptedMutation:
    """One verb of the engine; ``scope`` as in ``soak.targets.mujoco_mutations``."""

    name: str
    scope: str
    call: Callable[[random.Random, str], Refused | None]

    def __call__(self, rng: random.Random, robot: str | None = None) -> Refused | None:
        return self.call(rng, robot or NAMES[0])


class AdaptedSim:
    """What scenarios see of a :class:`PolicySimulation`. Thread-safe."""

    def __init__(self, engine: PolicySimulation) -> None:
        self._engine = engine
        self._lacks = {verb for verb, remedy in type(engine).soak_verbs().items() if remedy}
        self._theirs = dict(zip(NAMES, engine.robots, strict=False))
        self._ours = {theirs: ours for ours, theirs in self._theirs.items()}
        self._live = LiveWorkers()
        self._lock = threading.Lock()
        self._runs: list[AdaptedRun] = []
        self._numbers = 0
        self._closing = False
        self.mutations = (*self._scene_mutations(), *self._robot_mutations())

    # -- policies ----------------------------------------------------------------------------------------

    def start_policy(
        self, robot: str, policy: Policy, *, seconds: float | None = None, steps: int | None = None
    ) -> PolicyRun | Refused:
        """As the built-in simulation's."""
        if self._is_nobody(robot):
            return self._lack("second robot")
        run, length = self._new_run(robot, policy, seconds, steps, blocking=False), _length(seconds, steps)
        earlier = self._open_runs(robot)
        reply = self._ask("start_policy", self._engine.start, self._their(robot), run.decide, length)
        if isinstance(reply, Refused):
            return replace(reply, robot=robot)
        for each in earlier:  # a robot has one run: the engine has said that these are over
            each.tell_over(stopped=False)
        run.accept(reply if self._keeps("future") else None)
        self._note_run(run)
        return run

    def run_policy(
        self, robot: str, policy: Policy, *, seconds: float | None = None, steps: int | None = None
    ) -> PolicyResult | Refused:
        """As the built-in simulation's."""
        if "run" in self._lacks or self._is_nobody(robot):
            return self._lack("run" if "run" in self._lacks else "second robot")
        run, length = self._new_run(robot, policy, seconds, steps, blocking=True), _length(seconds, steps)
        self._note_run(run)  # whoever stops it meanwhile is to find it
        try:
            reply = self._ask("run_policy", self._engine.run, self._their(robot), run.decide, length)
        except Exception:
            if not run.error():
                raise
            reply = None
        finally:
            run.tell_over(stopped=False)
        # What the policy raised may look like the engine's own way to say no.
        if isinstance(reply, Refused) and not run.steps:
            return reply
        return run.result(run.ending(), run.error())

    def stop_policy(self, robot: str, timeout: float = 2.0) -> StopReply:
        """As the built-in simulation's."""
        if self._is_nobody(robot):
            return StopReply(robot=robot, state=StopState.NOT_RUNNING, number=None, steps=0)
        earlier = self._open_runs(robot)
        number = earlier[-1].number if earlier else None
        reply = self._ask("stop_policy", self._engine.stop, self._their(robot), timeout=timeout)
        steps = earlier[-1].steps if earlier else 0
        if reply is False:
            return StopReply(robot=robot, state=StopState.STILL_RUNNING, number=number, steps=steps)
        for run in earlier:
            run.tell_over(stopped=True)
        state = StopState.STOPPED if earlier else StopState.NOT_RUNNING
        return StopReply(robot=robot, state=state, number=number, steps=steps)

    def running(self) -> tuple[str, ...]:
        """The engine's own word; nothing once it is closed."""
        try:
            listed = tuple(self._engine.running())
        except Exception:
            if not self._closing:
                raise
            return ()
        return tuple(self._our(robot) for robot in listed)

    def _new_run(
        self, robot: str, policy: Policy, seconds: float | None, steps: int | None, *, blocking: bool
    ) -> AdaptedRun:
        with self._lock:
            self._numbers += 1
            number = self._numbers
        theirs = self._their(robot)
        return AdaptedRun(
            robot=robot,
            number=number,
            policy=policy,
            seconds=_length(seconds, steps),
            blocking=blocking,
            live=self._live,
            act=lambda observation: self._engine.action(theirs, observation),
            listed=lambda: robot in self.running(),
        )

    def _note_run(self, run: AdaptedRun) -> None:
        with self._lock:
            self._runs = [each for each in self._runs if not each.future.done()] + [run]

    def _open_runs(self, robot: str | None = None) -> list[AdaptedRun]:
        """The runs that were accepted and that nobody has called over yet."""
        with self._lock:
            runs = list(self._runs)
        return [run for run in runs if robot in (None, run.robot) and not run.future.done()]

    # -- ground truth ------------------------------------------------------------------------------------

    def live_workers(self) -> dict[str, tuple[int, ...]]:
        """The runs that are inside a decision."""
        return self._live.by_robot()

    def unregistered_workers(self) -> tuple[int, ...]:
        """Runs that lived while the engine was asked what runs, and that it did not name."""
        before = self._live.numbers()
        listed = self.running()
        after = self._live.numbers()
        if self._closing:  # it says no more what runs
            return ()
        return tuple(number for number in before.keys() & after.keys() if before[number] not in listed)

    def last_step_of(self, robot: str) -> LastStep | None:
        """The run that decided last on ``robot``, and how many decisions there were."""
        return self._live.last_step(robot)

    def policy_window(self, robot: str | None = None) -> PolicyWindow:
        """Whether one run was inside decisions both before and after the block: so it lived throughout."""
        return PolicyWindow(self._live, robot)

    # -- the scene ---------------------------------------------------------------------------------------

    def robots(self) -> tuple[str, ...]:
        """The robots that are there now, in the scenarios' words; none once it is closed."""
        return () if self._closing else tuple(self._our(robot) for robot in self._engine.robots)

    def scene_version(self) -> AdaptedVersion:
        """The engine's version, or always the same where it tells none."""
        if "version" in self._lacks:
            return AdaptedVersion(parts=(("", ("closed",) if self._closing else ()),))
        try:
            version = None if self._closing else self._engine.version()
        except Exception:
            if not self._closing:
                raise
        # A close that has begun while it was asked may have taken away what it was about to tell.
        return AdaptedVersion(parts=(("", ("closed",) if self._closing else (version,)),))

    def sees_effect(self, scope: str) -> bool:
        """Whether an accepted mutation of that scope shows in :meth:`scene_version`."""
        return scope == "scene" and not self._lacks & {"version", "effects"}

    def observe(self, robot: str) -> Any:
        """What a policy would see now."""
        if "observe" in self._lacks or self._closing or self._is_nobody(robot):
            return self._lack("observe")
        return self._ask("observe", self._engine.observe, self._their(robot))

    def step(self, count: int = 1) -> Refused:
        """Steps are the policies' here."""
        return self._lack("step")

    def add_robot(self, name: str, at: object) -> Refused | None:
        """Add a robot where the engine likes it."""
        return self._lack("add") if "add" in self._lacks else self._change("add", self._engine.add, name)

    def remove_robot(self, name: str, *, stop: bool = False, timeout: float = 2.0) -> Refused | None:
        """Remove a robot with its policy."""
        if "remove" in self._lacks or self._is_nobody(name):
            return self._lack("remove")
        return self._end("remove", name, self._engine.remove, self._their(name), timeout=timeout)

    def load_scene(self, name: str, *, stop: bool = False, timeout: float = 2.0) -> Refused | None:
        """Load the engine's scene anew, whatever ``name`` says."""
        if "reload" in self._lacks:
            return self._lack("reload")
        return self._end("reload", None, self._engine.reload)

    def _end(
        self, verb: str, robot: str | None, call: Callable[..., Any], *args: Any, **named: Any
    ) -> Refused | None:
        """Call what ends the policies of ``robot``, or all; once it has said yes, they are over."""
        earlier = self._open_runs(robot)
        refusal = self._change(verb, call, *args, **named)
        if refusal is None:
            for run in earlier:
                run.tell_over(stopped=True)
        return refusal

    def _scene_mutations(self) -> tuple[AdaptedMutation, ...]:
        if "mutations" in self._lacks:
            return ()

        def bound(name: str, verb: Callable[..., object]) -> AdaptedMutation:
            return AdaptedMutation(
                name=name, scope="scene", call=lambda rng, robot: self._change(name, verb, rng)
            )

        return tuple(bound(name, verb) for name, verb in self._engine.mutations().items())

    def _robot_mutations(self) -> tuple[AdaptedMutation, ...]:
        if "robot_mutations" in self._lacks:
            return ()

        def bound(name: str, verb: Callable[..., object]) -> AdaptedMutation:
            return AdaptedMutation(
                name=name,
                scope="robot",
                call=lambda rng, robot: (
                    self._lack("second robot")
                    if self._is_nobody(robot)
                    else self._change(name, verb, rng, self._their(robot))
                ),
            )

        return tuple(bound(name, verb) for name, verb in self._engine.robot_mutations().items())

    # -- the end -----------------------------------------------------------------------------------------

    def close(self, timeout: float = 5.0) -> Closed:
        """Close the engine; who is still running where it says no is known from the policies."""
        began = time.monotonic()
        self._closing = True
        earlier = self._open_runs()
        reply = self._ask("close", self._engine.close, timeout=timeout)
        if reply is False:
            live = set(self.live_workers()) | {run.robot for run in earlier if not run.done()}
            return Closed(still_running=tuple(sorted(live)), seconds=time.monotonic() - began)
        for run in earlier:
            run.tell_over(stopped=True)
        return Closed(still_running=(), seconds=time.monotonic() - began)

    # -- asking the engine -------------------------------------------------------------------------------

    def _keeps(self, promise: str) -> bool:
        return promise not in self._lacks

    def _is_nobody(self, robot: str) -> bool:
        """Whether it is a robot of the scenarios' that this engine does not have."""
        return robot in NAMES and robot not in self._theirs

    def _their(self, robot: str) -> str:
        return self._theirs.get(robot, robot)

    def _our(self, robot: str) -> str:
        return self._ours.get(robot, robot)

    def _change(self, verb: str, call: Callable[..., Any], *args: Any, **named: Any) -> Refused | None:
        reply = self._ask(verb, call, *args, **named)
        return reply if isinstance(reply, Refused) else None

    def _ask(self, verb: str, call: Callable[..., Any], *args: Any, **named: Any) -> Any:
        """The engine's reply, its refusals as :class:`Refused`. False stays where it means "not gone"."""
        if not self._keeps("timeout"):
            named.pop("timeout", None)
        with doing(verb):
            try:
                reply = call(*args, **named)
            except self._engine.refusals as error:
                return self._no(verb, str(error))
        if isinstance(reply, Refused):
            return reply
        if reply is False and verb in ("stop_policy", "close"):
            return False
        return self._no(verb, f"the engine answered {reply!r}") if self._engine.refused(reply) else reply

    def _no(self, verb: str, because: str) -> Refused:
        if self._closing:
            because = f"{_CLOSED}; {because}" if because else _CLOSED
        return Refused(what=verb, because=because or "the engine says no", remedy="wait, or stop the policy")

    def _lack(self, verb: str) -> Refused:
        because = _CLOSED if self._closing else f"this target has no {verb}"
        return Refused(what=verb, because=because, remedy="see `soak show --target`")


def _length(seconds: float | None, steps: int | None) -> float:
    """Seconds for a run that is to be of so many seconds or steps."""
    lengths = [seconds] if seconds is not None else []
    lengths += [steps * STEP] if steps is not None else []
    return min(lengths, default=_FOREVER)
