"""Sequential models for histories: a register, generations of a registry, claims, a table of policies.

Each function makes a :class:`soak.history.Model`; its docstring lists the operations with their arguments and
replies. Arguments and replies are plain values, so that processes can hand them over: translate the target's
own replies where you record them, ``call.reply = models.REFUSED if isinstance(answer, Refused) else …``.

Standard library only.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import Any

from soak.history import UNKNOWN, Model, Step

#: A plain reply for each of a target's friendly "no"s and "yes"es.
REFUSED, DONE = "refused", "done"

States = Iterable[Hashable]
#: ``(state, argument, reply) -> next states``, of one operation.
StepOf = Callable[[Any, Any, Any], States]


def by_operation(initial: Hashable, steps: Mapping[str, StepOf]) -> Model:
    """A model that is put together of a function for each operation."""

    def step(state: Any, operation: str, argument: Any, reply: Any) -> States:
        act = steps.get(operation)
        if act is None:
            raise ValueError(f"the model has no operation {operation!r}; expected one of {', '.join(steps)}")
        return act(state, argument, reply)

    named: Step = step
    return Model(initial=initial, step=named)


def allowed(reply: Any, *expected: Any) -> bool:
    """Whether ``reply`` is one of those ``expected``, or not known."""
    return reply is UNKNOWN or reply in expected


# -- a register ----------------------------------------------------------------------------------------------


def register(initial: Hashable = None) -> Model:
    """A value that is set and read. Key: the register's name.

    ``get`` → the value; ``set value`` → :data:`DONE` or :data:`REFUSED` (nothing is changed).
    """

    def get(state: Hashable, argument: None, reply: Any) -> States:
        return (state,) if allowed(reply, state) else ()

    def put(state: Hashable, value: Hashable, reply: Any) -> States:
        return _either(reply, value, state)

    return by_operation(initial, {"get": get, "set": put})


def _either(reply: Any, done: Hashable, refused: Hashable) -> States:
    if reply is UNKNOWN:
        return (done, refused)
    return {DONE: (done,), REFUSED: (refused,)}.get(reply, ())


# -- generations ---------------------------------------------------------------------------------------------


def generations() -> Model:
    """What a registry holds under a key, by generations that only grow. Key: the registry's own key.

    ``get`` → the registered generation, or None where there is none; ``start`` → the new generation where
    there was none, or :data:`REFUSED`; ``reload`` → the new generation in place of an older one, or
    :data:`REFUSED` (also where it failed: nothing is changed); ``stop`` → the generation that is registered
    no more, None where there was none, or :data:`REFUSED`.

    A refused call is allowed at any time: a registry may refuse who comes while it is busy.
    """

    def get(state: tuple[Any, int], argument: object, reply: Any) -> States:
        return (state,) if reply is UNKNOWN else _seen(state, reply)

    def start(state: tuple[Any, int], argument: object, reply: Any) -> States:
        return _new(state, reply, allowed=state[0] is None)

    def reload(state: tuple[Any, int], argument: object, reply: Any) -> States:
        return _new(state, reply, allowed=state[0] is not None)

    def stop(state: tuple[Any, int], argument: object, reply: Any) -> States:
        if reply == REFUSED:
            return (state,)
        if reply is UNKNOWN:
            return (state, (None, state[1]))
        return tuple((None, newest) for _current, newest in _seen(state, reply))

    return by_operation((None, 0), {"get": get, "start": start, "reload": reload, "stop": stop})


def _seen(state: tuple[Any, int], generation: Any) -> tuple[tuple[Any, int], ...]:
    """The states after somebody saw ``generation``; one that is not known yet is known then."""
    current, newest = state
    if current is UNKNOWN and isinstance(generation, int) and generation > newest:
        return ((generation, generation),)
    return (state,) if generation == current else ()


def _new(state: tuple[Any, int], reply: Any, *, allowed: bool) -> States:
    if reply == REFUSED:
        return (state,)
    if reply is UNKNOWN:
        return (state, (UNKNOWN, state[1])) if allowed else (state,)
    return ((reply, reply),) if allowed and isinstance(reply, int) and reply > state[1] else ()


# -- claims --------------------------------------------------------------------------------------------------

#: Nobody's, and nobody's any more.
FREE, COMPLETED = "free", "completed"


def claims() -> Model:
    """A task (or a lock) that one owner has at a time. Key: the task; every argument is an owner.

    ``claim owner`` → :data:`DONE`, or :data:`REFUSED` where another has it or it is completed; ``release
    owner`` and ``complete owner`` → :data:`DONE`, or :data:`REFUSED` where he does not have it; ``break
    owner``, the release of a dead owner's claim by somebody else → :data:`DONE`, or :data:`REFUSED` at any
    time; ``owner`` → who has it, :data:`FREE` or :data:`COMPLETED`.
    """

    def claim(state: Any, owner: Any, reply: Any) -> States:
        return _when(state == FREE, ("owned by", owner), state, reply)

    def release(state: Any, owner: Any, reply: Any) -> States:
        return _when(state == ("owned by", owner), FREE, state, reply)

    def complete(state: Any, owner: Any, reply: Any) -> States:
        return _when(state == ("owned by", owner), COMPLETED, state, reply)

    def break_(state: Any, owner: Any, reply: Any) -> States:
        return (state,) if reply == REFUSED else _when(state == ("owned by", owner), FREE, state, reply)

    def owner_of(state: Any, argument: None, reply: Any) -> States:
        owner = state[1] if isinstance(state, tuple) else state
        return (state,) if allowed(reply, owner) else ()

    steps: Mapping[str, StepOf] = {
        "claim": claim,
        "release": release,
        "complete": complete,
        "break": break_,
        "owner": owner_of,
    }
    return by_operation(FREE, steps)


def _when(condition: bool, after: Hashable, state: Hashable, reply: Any) -> States:
    """Done, and done for sure, where ``condition`` holds; refused where it does not."""
    return (after if condition else state,) if allowed(reply, DONE if condition else REFUSED) else ()


# -- policies ------------------------------------------------------------------------------------------------


def policy_table() -> Model:
    """The policies that run on a simulation's robots, and what may be changed meanwhile. Key: the simulation.

    Policies here end by a stop only, and every accepted start has a number, higher than those before.
    ``start robot`` → the run's number, or :data:`REFUSED` while one runs on that robot; ``stop robot`` → the
    number of the run that is over now, or None where none ran; ``mutate robot`` → :data:`DONE` where no
    policy ran on it (None: on any), else the robot whose policy is in the way.

    Two stops of one run may both answer with its number. Record a stop that gave up waiting as not known.
    """

    def start(state: Any, robot: Hashable, reply: Any) -> States:
        running, newest = state
        if _run_of(running, robot) is not None:
            return (state,) if allowed(reply, REFUSED) else ()
        if reply is UNKNOWN:
            return (state, (running | {(robot, UNKNOWN)}, newest))
        later = isinstance(reply, int) and reply > newest
        return ((running | {(robot, reply)}, reply),) if later else ()

    def stop(state: Any, robot: Hashable, reply: Any) -> States:
        running, newest = state
        run = _run_of(running, robot)
        stopped = (running - {(robot, run)}, newest)
        if reply is UNKNOWN:
            return (state, stopped) if run is not None else (state,)
        if reply is None:
            return (state,) if run is None else ()
        # Another stop of the same run may have come first; or a later start, where this one was slow.
        earlier = (state,) if reply <= newest and reply != run else ()
        return (*earlier, stopped) if run is UNKNOWN or reply == run else earlier

    def mutate(state: Any, robot: Hashable, reply: Any) -> States:
        running, _newest = state
        inside = [who for who, _number in running if robot is None or who == robot]
        expected = inside or [DONE]
        return (state,) if allowed(reply, *expected) else ()

    return by_operation((frozenset(), 0), {"start": start, "stop": stop, "mutate": mutate})


def _run_of(running: Iterable[tuple[Hashable, Any]], robot: Hashable) -> Any:
    """The number of the run on ``robot``: None where there is none, UNKNOWN where nobody was told."""
    return next((number for who, number in running if who == robot), None)
