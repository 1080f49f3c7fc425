"""How long calls take, and whether one is held up by something else than a busy machine.

A machine that is busy holds up everybody. So a call is late only if it has taken longer than its limit *and*
somebody else, the ticker, had many whole turns meanwhile, in each of which a thread was started, run and
joined: then what the call waited for was neither the processor nor the interpreter's lock. A call that never
returns is told in the same way, while it is inside.

Standard library only.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from soak.author import always, took

#: So many turns for each second of a limit show that the machine was to be had. The ticker tries for 200.
TURNS_PER_SECOND = 50


@dataclass(frozen=True, slots=True)
class _Call:
    """A call that somebody is inside of."""

    name: str
    within: float
    promise: str
    began: float
    turn: int


class Pace:
    """Times calls, for the report too. Thread-safe; :meth:`tick` is for one thread, 200 times a second."""

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, take_turn: Callable[[], object] | None = None
    ) -> None:
        """``take_turn`` is as long as what a good target does under its lock: by default, a thread's life."""
        self._clock = clock
        self._take_turn = take_turn or _start_and_join
        self._turns = 0
        self._inside: dict[int, _Call] = {}

    @contextmanager
    def timed(self, name: str, promise: str, within: float) -> Iterator[None]:
        """``with`` it around a call that ``promise`` says to return ``within`` so many seconds."""
        me = threading.get_ident()
        outer = self._inside.get(me)
        call = self._inside[me] = _Call(name, within, promise, self._clock(), self._turns)
        try:
            yield
        finally:
            seconds = self._clock() - call.began
            if outer is None:
                self._inside.pop(me, None)
            else:
                self._inside[me] = outer
            took(name, seconds)
            self._judge(call, seconds, "returned")

    def tick(self) -> bool:
        """Take a turn, then look at the calls that go on. Returns whether none of them is late."""
        self._take_turn()
        self._turns += 1
        now = self._clock()
        calls = tuple(self._inside.values())
        return all(self._judge(call, now - call.began, "inside") for call in calls)

    def _judge(self, call: _Call, seconds: float, state: str) -> bool:
        turns = self._turns - call.turn
        late = seconds > call.within and turns >= TURNS_PER_SECOND * call.within
        return always(
            not late, call.promise, call=call.name, seconds=round(seconds, 3), turns=turns, state=state
        )


def _start_and_join() -> None:
    thread = threading.Thread(target=bool, name="yardstick", daemon=True)
    thread.start()
    thread.join()
