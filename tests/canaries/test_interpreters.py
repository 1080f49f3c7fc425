"""Each canary of the interpreter host has its planted defect; the correct host has none of them."""

from __future__ import annotations

import inspect
import threading
from collections.abc import Callable
from concurrent.futures import wait

import pytest

from soak.canaries import interpreters as canaries
from soak.canaries.interpreters_canaries import INTERPRETERS
from soak.targets.interpreter_guest import BootstrapFailed, Guest
from soak.targets.interpreter_host import InterpreterHost
from soak.targets.interpreter_promises import OBEDIENT_SCRIPT, Gate

Kind = type[InterpreterHost]

HOSTS = {
    name: kind
    for name, kind in vars(canaries).items()
    if inspect.isclass(kind) and issubclass(kind, InterpreterHost) and kind is not InterpreterHost
}


def spawned(host: InterpreterHost) -> Guest:
    guest = host.spawn()
    assert isinstance(guest, Guest)
    return guest


def destroys_inside(kind: Kind) -> bool:
    """Is a guest that runs destroyed at once, without a wait for its driver?"""
    host = kind()
    guest = spawned(host)
    done = guest.submit(OBEDIENT_SCRIPT)
    try:
        host.destroy(guest, 60.0)
    except AssertionError as error:
        wait([done], 60.0)
        return kind is not canaries.PooledDriver and "driver's thread has ended" in str(error)
    return False


def waits_without_a_bound(kind: Kind) -> bool:
    """Does a destroy of a stuck guest return only after the guest was let out?"""
    host, gate = kind(), Gate()
    guest = spawned(host)
    guest.submit(gate.script)
    gate.wait_arrived()
    destroyer = threading.Thread(target=host._wait_driver, args=(guest, 0.0))
    destroyer.start()
    destroyer.join(0.5)
    waits = destroyer.is_alive()
    guest.cancel()
    gate.open()
    destroyer.join()
    return waits


def leaves_its_parent_waiting(kind: Kind) -> bool:
    """Does a parent still wait for a bootstrap that has failed?"""
    host, heard = kind(), threading.Event()

    def spawn() -> None:
        try:
            host.spawn("raise ValueError")
        except (BootstrapFailed, AssertionError):
            heard.set()

    threading.Thread(target=spawn, daemon=True).start()
    return not heard.wait(0.5 if kind is canaries.UnheardBootstrap else 60.0)


def keeps_its_driver(kind: Kind) -> bool:
    """Is a driver not a thread of the guest's own?"""
    guest = spawned(kind())
    guest.cancel()
    return guest.thread is None


DEFECTS: dict[str, Callable[[Kind], bool]] = {
    "DestroyInside": destroys_inside,
    "UnboundedJoin": waits_without_a_bound,
    "UnheardBootstrap": leaves_its_parent_waiting,
    "PooledDriver": keeps_its_driver,
}


@pytest.mark.parametrize("name", DEFECTS)
def test_a_canary_has_its_defect_and_the_correct_host_does_not(name: str) -> None:
    """What is planted is there, and only there."""
    assert DEFECTS[name](HOSTS[name])
    assert not DEFECTS[name](InterpreterHost)


def test_all_canaries_are_listed() -> None:
    """Every broken host is in the catalogue, and so is the shield that swallows Ctrl-C."""
    listed = {canary.target.partition(":")[2] for canary in INTERPRETERS}
    assert listed == {*HOSTS, "SwallowsCtrlC"}
    assert set(HOSTS) == set(DEFECTS)
