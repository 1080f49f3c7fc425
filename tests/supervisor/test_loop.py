"""The loop calls back for descriptors and times, in order, and not after being told to forget."""

from __future__ import annotations

import os

from soak.supervisor.loop import Loop


def test_timers_fire_in_order_of_their_time() -> None:
    """The order of asking does not matter."""
    loop, fired = Loop(), list[str]()
    loop.later(0.02, lambda: fired.append("later"))
    loop.later(0.0, lambda: fired.append("sooner"))
    loop.run_until(lambda: len(fired) == 2)
    loop.close()
    assert fired == ["sooner", "later"]


def test_a_cancelled_timer_does_not_fire() -> None:
    """Cancelling takes the call back."""
    loop, fired = Loop(), list[str]()
    loop.later(0.0, lambda: fired.append("cancelled")).cancel()
    loop.later(0.01, lambda: fired.append("kept"))
    loop.run_until(lambda: bool(fired))
    loop.close()
    assert fired == ["kept"]


def test_a_descriptor_forgotten_by_an_earlier_callback_is_not_served() -> None:
    """Two readable descriptors in one round: the first callback closes the second one's owner."""
    loop, served = Loop(), list[str]()
    pipes = [os.pipe(), os.pipe()]
    for name, (read_end, write_end) in zip("ab", pipes, strict=True):
        os.write(write_end, b"x")

        def serve(name: str = name, read_end: int = read_end) -> None:
            served.append(name)
            for end, _ in pipes:
                loop.forget(end)

        loop.on_readable(read_end, serve)
    loop.run_until(lambda: bool(served))
    loop.later(0.01, lambda: served.append("end"))
    loop.run_until(lambda: "end" in served)
    loop.close()
    for pair in pipes:
        for fd in pair:
            os.close(fd)
    assert len(served) == 2
