"""Somebody's engine, and the glue that lets soak's scenarios run on it. Nothing in the engine knows soak."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

import mujoco

from soak.targets.protocol import PolicySimulation, model_digest

XML = """
<mujoco>
  <worldbody>
    <body name="pole">
      <joint name="hinge" axis="0 1 0"/>
      <geom type="capsule" size=".02" fromto="0 0 0 0 0 .3"/>
    </body>
  </worldbody>
  <actuator><motor joint="hinge"/></actuator>
</mujoco>
"""


class Busy(Exception):
    """This engine's way to say no."""


class Lab:
    """A pole that a policy swings: one lock, one thread per policy."""

    def __init__(self) -> None:
        self.model = mujoco.MjModel.from_xml_string(XML)
        self.data = mujoco.MjData(self.model)
        self.lock = threading.RLock()
        self.worker: threading.Thread | None = None
        self.halt = threading.Event()
        self.closed = False

    def start(self, policy: Callable[[Any], Any], seconds: float) -> None:
        with self.lock:
            self.check_free()
            self.halt = threading.Event()
            args = (policy, time.monotonic() + seconds, self.halt)
            self.worker = threading.Thread(target=self.work, args=args, daemon=True)
            self.worker.start()

    def check_free(self) -> None:
        if self.closed:
            raise Busy("the lab is closed")
        if self.is_running():
            raise Busy("a policy runs")

    def is_running(self) -> bool:
        with self.lock:
            return self.worker is not None and self.worker.is_alive()

    def work(self, policy: Callable[[Any], Any], until: float, halt: threading.Event) -> None:
        try:
            while time.monotonic() < until and not halt.is_set():
                action = policy(float(self.data.qpos[0]))
                with self.lock:
                    if halt.is_set():
                        return
                    self.data.ctrl[0] = action
                    mujoco.mj_step(self.model, self.data)
        except RuntimeError:
            pass  # a policy that fails ends its run

    def stop(self) -> None:
        with self.lock:
            worker, halt = self.worker, self.halt
        halt.set()
        if worker is not None:
            worker.join()

    def set_gravity(self, down: float) -> None:
        with self.lock:
            self.check_free()
            self.model.opt.gravity[2] = -down

    def close(self) -> None:
        with self.lock:
            self.closed = True
        self.stop()


class Glue(PolicySimulation):
    """Ten lines of glue."""

    robots = ("pole",)
    refusals: tuple[type[BaseException], ...] = (Busy,)
    made: Callable[[], Lab] = Lab

    def __init__(self) -> None:
        self.lab = type(self).made()

    def start(self, robot: str, policy: Callable[[Any], Any], seconds: float) -> None:
        self.lab.start(policy, seconds)

    def stop(self, robot: str) -> None:
        self.lab.stop()

    def running(self) -> tuple[str, ...]:
        return ("pole",) if self.lab.is_running() else ()

    def mutations(self) -> Mapping[str, Callable[[random.Random], object]]:
        return {"set_gravity": lambda rng: self.lab.set_gravity(rng.uniform(1, 10))}

    def close(self) -> None:
        self.lab.close()

    def action(self, robot: str, observation: Any) -> float:
        return 0.1


class Seen(Glue):
    """As :class:`Glue`, and the scene's version is told."""

    keeps = ("effects",)

    def version(self) -> bytes:
        return model_digest(self.lab.model)


class Unguarded(Lab):
    """Mutations pass while a policy runs."""

    def set_gravity(self, down: float) -> None:
        with self.lock:
            self.model.opt.gravity[2] = -down


class Hasty(Lab):
    """A stop that does not wait."""

    def stop(self) -> None:
        self.halt.set()


class Twice(Lab):
    """A start that forgets the policy that runs."""

    def check_free(self) -> None:
        if self.closed:
            raise Busy("the lab is closed")


class UnguardedGlue(Glue):
    made = Unguarded


class HastyGlue(Glue):
    made = Hasty


class TwiceGlue(Glue):
    made = Twice
