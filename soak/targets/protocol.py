"""The protocol for a policy simulation of one's own: subclass it, define the verbs that the engine has.

::

    class Lab(PolicySimulation):
        robots = ("panda", "ur5")
        refusals = (mylab.Busy,)

        def __init__(self):
            self.lab = mylab.Lab()

        def start(self, robot, policy, seconds):
            self.lab.start(robot, policy, seconds)

        def stop(self, robot):
            self.lab.stop(robot)

        def running(self):
            return self.lab.running()

        def mutations(self):
            return {"set_gravity": lambda rng: self.lab.set_gravity([0, 0, -10 * rng.random()])}

        def close(self):
            self.lab.close()

``soak run --target mymodule:Lab`` runs the built-in scenarios on it, ``soak show --target mymodule:Lab`` says
which of them, and what else may be defined. What is missing is skipped by name.

The policy that ``start`` is given is soak's own: it knows from within when its worker lives, hence what the
engine says of its workers need not be believed. The engine has to call it, as it calls any policy.

Standard library only.
"""

from __future__ import annotations

import hashlib
import random
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from soak.targets import verbs

#: What soak hands to ``start``: to be called with an observation for each decision, returns the action.
Decide = Callable[[Any], Any]


def soak_prepare(*, guard_malloc: bool) -> None:
    """The worker's hook: where MuJoCo is in use, its C ``exit(1)`` becomes an abort; guard pages."""
    if "mujoco" in sys.modules:
        from soak.targets import mujoco_native

        mujoco_native.abort_on_error()
        if guard_malloc:
            mujoco_native.guard_memory()


class PolicySimulation:
    """An engine that runs policies on robots, in the words that scenarios know. Make it without arguments.

    Every method may be called from any thread at any time. One that the engine refuses raises one of
    ``refusals``, or returns something that :meth:`refused` recognises; any other exception is a finding.
    """

    #: The robots that are there, first the one that most policies run on. May be a property.
    robots: Sequence[str] = ("left", "right")
    #: The engine's own way to say no.
    refusals: tuple[type[BaseException], ...] = ()
    #: What the engine promises beyond the verbs: see ``soak.targets.verbs.KEEPS``.
    keeps: tuple[str, ...] = ()
    #: Whether MuJoCo's calls are watched: see ``soak.targets.mujoco_oracles``.
    oracles = True

    # -- what every policy scenario needs ----------------------------------------------------------------

    def start(self, robot: str, policy: Decide, seconds: float) -> Any:
        """Let a worker call ``policy(observation)`` on ``robot`` for ``seconds``; return at once."""
        raise NotImplementedError

    def stop(self, robot: str) -> Any:
        """End ``robot``'s policy; return when its worker is gone, or False when it is not."""
        raise NotImplementedError

    def running(self) -> Iterable[str]:
        """The robots that the engine believes a policy is running on."""
        raise NotImplementedError

    def close(self) -> Any:
        """End everything; return when every worker is gone, or False when one is not. May come twice."""
        raise NotImplementedError

    def mutations(self) -> Mapping[str, Callable[[random.Random], object]]:
        """The scene's verbs by name. Each draws its arguments, so that only a running policy refuses it."""
        raise NotImplementedError

    # -- what more there may be --------------------------------------------------------------------------

    def robot_mutations(self) -> Mapping[str, Callable[[random.Random, str], object]]:
        """Verbs about one robot: only that robot's policy refuses them."""
        raise NotImplementedError

    def run(self, robot: str, policy: Decide, seconds: float) -> Any:
        """As :meth:`start`, in the calling thread. What the policy raises may come out."""
        raise NotImplementedError

    def version(self) -> Any:
        """A value that changes with whatever no mutation may change while a policy runs. Without waiting:
        policies ask. See :func:`model_digest`."""
        raise NotImplementedError

    def observe(self, robot: str) -> Any:
        """What a policy would see now."""
        raise NotImplementedError

    def add(self, robot: str) -> Any:
        """Add a robot of that name."""
        raise NotImplementedError

    def remove(self, robot: str) -> Any:
        """End ``robot``'s policy and take the robot away."""
        raise NotImplementedError

    def reload(self) -> Any:
        """End all policies and load the scene anew."""
        raise NotImplementedError

    def action(self, robot: str, observation: Any) -> Any:
        """What soak's policies answer with: any action that the engine can use."""
        return None

    def refused(self, reply: Any) -> bool:
        """Whether what a verb has returned means no. For replies like ``{"status": "error"}``."""
        return reply is False

    # -- what soak asks ----------------------------------------------------------------------------------

    @classmethod
    def soak_verbs(cls, **arguments: Any) -> dict[str, str]:
        """Every verb that scenarios may use: "" where this class has it, else what to do about it."""
        has = {name for name in verbs.METHODS if getattr(cls, name) is not getattr(PolicySimulation, name)}
        if not has >= {"add", "remove"}:  # one is of no use without the other
            has -= {"add", "remove"}
        has |= set(cls.keeps)
        robots: object = cls.robots  # a property, perhaps, which may name any
        if not isinstance(robots, Sequence) or len(robots) > 1:
            has.add("second_robot")
        return {name: "" if name in has else remedy for name, remedy in verbs.ALL.items()}


def simulation(target: Callable[[], Any]) -> Any:
    """Make a simulation for a scenario: what ``target`` makes, in the built-in simulation's words."""
    made = target()
    if not isinstance(made, PolicySimulation):
        return made
    from soak.targets.adapted import AdaptedSim

    if made.oracles and "mujoco" in sys.modules:
        from soak.targets import mujoco_oracles

        mujoco_oracles.install()
    return AdaptedSim(made)


def model_digest(model: Any) -> bytes:
    """A digest of what verbs commonly change in an ``MjModel``, for :meth:`PolicySimulation.version`."""
    digest = hashlib.blake2b(digest_size=16)
    option = model.opt
    digest.update(f"{model.nbody} {model.ngeom} {model.ncam} {option.timestep} {id(model)}".encode())
    digest.update(option.gravity.tobytes())
    for name in _CHANGED:
        digest.update(getattr(model, name).tobytes())
    return digest.digest()


_CHANGED = ("body_mass", "body_pos", "geom_size", "geom_pos", "geom_rgba", "geom_friction", "cam_pos")
