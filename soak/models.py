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

    A refused call is allowed at any time: a registry may refuse who comes while it is busy. A start or reload
    whose reply is not known says its generation in its argument, if it can: else it may have been any.
    """

    def get(state: tuple[Any, int], argument: None, reply: Any) -> States:
        return (state,) if allowed(reply, state[0]) else ()

    def start(state: tuple[Any, int], argument: Any, reply: Any) -> States:
        return _new(state, argument, reply) if state[0] is None else _unchanged(state, reply)

    def reload(state: tuple[Any, int], argument: Any, reply: Any) -> States:
        return _new(state, argument, reply) if state[0] is not None else _unchanged(state, reply)

    def stop(state: tuple[Any, int], argument: Any, reply: Any) -> States:
        current, newest = state
        if reply is UNKNOWN:
            return (state, (None, newest))
        if reply == REFUSED:
            return (state,)
        return ((None, newest),) if reply == current else ()

    return by_operation((None, 0), {"get": get, "start": start, "reload": reload, "stop": stop})


def _new(state: tuple[Any, int], argument: Any, reply: Any) -> States:
    if reply == REFUSED:
        return (state,)
    fresh = argument if reply is UNKNOWN else reply
    if reply is UNKNOWN and not isinstance(fresh, int):
        return (state,)
    news = ((fresh, fresh),) if fresh > state[1] else ()
    return (state, *news) if reply is UNKNOWN else news


def _unchanged(state: Hashable, reply: Any) -> States:
    return (state,) if allowed(reply, REFUSED) else ()


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
        if reply is UNKNOWN:  # its number is lost, so nothing that it did can be told from what it did not
            return (state, (running | {(robot, newest + 1)}, newest + 1))
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
        if reply == run:
            return (stopped,)
        return (state,) if reply <= newest else ()

    def mutate(state: Any, robot: Hashable, reply: Any) -> States:
        running, _newest = state
        inside = [who for who, _number in running if robot is None or who == robot]
        expected = inside or [DONE]
        return (state,) if allowed(reply, *expected) else ()

    return by_operation((frozenset(), 0), {"start": start, "stop": stop, "mutate": mutate})


def _run_of(running: Iterable[tuple[Hashable, int]], robot: Hashable) -> int | None:
    return next((number for who, number in running if who == robot), None)
