"""Environments: things that are made, reset with a seed, stepped, perhaps rendered, and closed.

The scenarios ``env_cycles`` and ``env_render`` soak whatever is an :class:`Environment`, or can be taken for
one: a ``gymnasium.Env``, a ``dm_control`` environment, or what any callable returns. There are adapters by
name in :mod:`soak.targets.mjcf`, :mod:`soak.targets.gym` and :mod:`soak.targets.dm`.

Standard library only.
"""

from __future__ import annotations

import hashlib
import math
import random
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from soak.author import Refused

#: What a user writes for yes after ``?shared=`` and the like.
_YES = {"yes", "1", "true", "on"}
#: What an environment may do, and how to say so.
VERBS = {
    "make": "",
    "reset": "define reset(self, seed)",
    "step": "define step(self, rng)",
    "render": "say ?render=yes after the target's name, if it can render",
    "share": "say ?shared=yes after the target's name, if several threads may step one environment",
    "fork": "leave ?forks=no out, if it may be made in a forked process",
    "seeds": "leave ?seeded=no out, if its course depends on seed and actions alone",
}


def soak_prepare(*, guard_malloc: bool) -> None:
    """The worker's hook: where MuJoCo is in use, its C ``exit(1)`` becomes an abort; guard pages; oracles."""
    if "mujoco" in sys.modules:
        from soak.targets import mujoco_native

        mujoco_native.abort_on_error()
        if guard_malloc:
            mujoco_native.guard_memory()


def is_yes(word: str | bool) -> bool:
    """Whether an argument of a target's name means yes."""
    return word if isinstance(word, bool) else word.lower() in _YES


class Environment:
    """One environment. What is called from which thread is the caller's affair: by default, from one only."""

    def reset(self, seed: int) -> Any:
        """Begin an episode; returns the observation."""
        return None

    def step(self, rng: random.Random) -> tuple[Any, bool]:
        """Take a step with an action drawn from ``rng``; returns the observation and whether that was all."""
        raise NotImplementedError

    def render(self) -> Any:
        """A frame, as an array, in the thread that made the environment."""
        return Refused(what="render", because="this environment does not render", remedy=VERBS["render"])

    def close(self) -> None:
        """Give everything back."""

    @classmethod
    def soak_verbs(
        cls,
        *,
        render: str = "no",
        shared: str = "no",
        forks: str = "yes",
        seeded: str = "yes",
        **arguments: Any,
    ) -> dict[str, str]:
        """Its verbs, as far as its owner claims them in the arguments."""
        claims = {"render": render, "share": shared, "fork": forks, "seeds": seeded}
        return {verb: "" if is_yes(claims.get(verb, "yes")) else remedy for verb, remedy in VERBS.items()}


class Plain(Environment):
    """What any callable returned: made and closed, if it can be closed."""

    def __init__(self, made: Any) -> None:
        self.made = made

    def step(self, rng: random.Random) -> tuple[Any, bool]:
        return None, True

    def close(self) -> None:
        close = getattr(self.made, "close", None)
        if callable(close):
            close()


def environment(target: Callable[[], Any]) -> Environment:
    """What ``target`` makes, as an :class:`Environment`."""
    made = target()
    if isinstance(made, Environment):
        return made
    if hasattr(made, "action_space") and hasattr(made, "step"):
        from soak.targets.gym import Wrapped

        return Wrapped(made)
    if hasattr(made, "action_spec") and hasattr(made, "step"):
        from soak.targets.dm import Wrapped as WrappedTask

        return WrappedTask(made)
    return Plain(made)


class Course:
    """A digest of all that an environment showed, and whether it was finite."""

    def __init__(self) -> None:
        self._digest = hashlib.blake2b(digest_size=16)
        self.finite = True

    def add(self, observation: Any) -> None:
        """Take one observation: an array, a number, or a mapping or sequence of such."""
        for leaf in _leaves(observation):
            if hasattr(leaf, "tobytes"):
                self._digest.update(leaf.tobytes())
                self.finite = self.finite and _is_finite(leaf)
            else:
                self._digest.update(repr(leaf).encode())

    def digest(self) -> bytes:
        """Equal for equal courses."""
        return self._digest.digest()


def _leaves(value: Any) -> Iterable[Any]:
    if isinstance(value, Mapping):
        for key in sorted(value, key=str):
            yield from _leaves(value[key])
    elif isinstance(value, tuple | list):
        for item in value:
            yield from _leaves(item)
    else:
        yield value


def _is_finite(array: Any) -> bool:
    """Whether an array holds neither NaN nor infinity; arrays of other things than floats do not."""
    if getattr(array.dtype, "kind", "") != "f":
        return True
    return math.isfinite(float(abs(array).sum())) if array.size else True
