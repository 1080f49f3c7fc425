"""The host sees its guests off: nobody is left inside, nobody is waited for without a bound, all is heard."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import CancelledError

import pytest

from soak.author import Refused
from soak.targets import interpreters
from soak.targets.interpreter_guest import BootstrapFailed, Guest, GuestState
from soak.targets.interpreter_host import InterpreterHost
from soak.targets.interpreter_promises import OBEDIENT_SCRIPT, Gate
from soak.targets.interpreters import InterpreterBusy, ScriptFailed
from tests.targets.test_interpreters import OWN_GILS

SURELY = 60.0


@pytest.fixture(params=OWN_GILS, ids=lambda own: "own GIL" if own else "shared GIL")
def host(request: pytest.FixtureRequest) -> Iterator[InterpreterHost]:
    """A host that has left nothing behind once it is closed."""
    before = interpreters.count()
    made = InterpreterHost(own_gil=request.param)
    yield made
    assert made.close(SURELY) == ()
    assert interpreters.count() == before
    assert made.census().drivers == ()


def spawned(host: InterpreterHost, bootstrap: str = "") -> Guest:
    guest = host.spawn(bootstrap, SURELY)
    assert isinstance(guest, Guest)
    return guest


def test_a_guest_works_and_goes(host: InterpreterHost) -> None:
    """Scripts see what the bootstrap made; after the destroy neither driver nor interpreter is there."""
    guest = spawned(host, "made = 1")
    guest.submit("assert made == 1").result(SURELY)
    assert host.destroy(guest, SURELY).gone
    assert guest.thread is not None
    assert not guest.thread.is_alive()
    assert host.census().guests == ()


def test_a_guest_that_imported_threading_goes(host: InterpreterHost) -> None:
    """Destroyed by another thread than the importing one: CPython up to 3.12 alone would hang."""
    guest = spawned(host, "import threading\nt = threading.Thread(target=int)\nt.start()\nt.join()")
    assert host.destroy(guest, SURELY).gone


@pytest.mark.parametrize(
    ("bootstrap", "kind"),
    [("raise KeyError(1)", "KeyError"), ("(", "SyntaxError"), ("1/0", "ZeroDivisionError")],
)
def test_what_a_bootstrap_raises_is_heard(host: InterpreterHost, bootstrap: str, kind: str) -> None:
    """The parent gets it as the cause, and the guest is gone."""
    with pytest.raises(BootstrapFailed) as failed:
        host.spawn(bootstrap, SURELY)
    assert isinstance(failed.value.__cause__, ScriptFailed)
    assert failed.value.__cause__.kind == kind
    assert host.census().guests == host.census().leaked == ()


def test_a_bootstrap_that_does_not_end_is_given_up(host: InterpreterHost) -> None:
    """The parent waits as long as it said; the guest has leaked, and goes when its driver comes out."""
    gate = Gate()
    with pytest.raises(BootstrapFailed) as failed:
        host.spawn(gate.script, 0.0)
    assert isinstance(failed.value.__cause__, InterpreterBusy)
    (leaked,) = host.census().leaked
    gate.wait_arrived()
    gate.open()
    assert host.reap(SURELY) == ()
    assert leaked.state is GuestState.GONE
    gate.close()


def test_what_a_script_raises_is_its_own(host: InterpreterHost) -> None:
    """The future has it, and the guest takes the next script."""
    guest = spawned(host)
    with pytest.raises(ScriptFailed, match="ValueError: no"):
        guest.submit("raise ValueError('no')").result(SURELY)
    guest.submit("pass").result(SURELY)


def test_a_destroy_cancels(host: InterpreterHost) -> None:
    """A script that looks ends; one that had not begun, or comes later, is cancelled."""
    guest = spawned(host)
    first, second = guest.submit(OBEDIENT_SCRIPT), guest.submit("pass")
    assert host.destroy(guest, SURELY).gone
    assert first.cancelled() or first.exception(SURELY) is None
    for dropped in (second, guest.submit("pass")):
        with pytest.raises(CancelledError):
            dropped.result(SURELY)


@pytest.mark.parametrize("own_thread", [False, True])
def test_a_guest_that_does_not_come_out_is_told_and_reaped_later(
    host: InterpreterHost, own_thread: bool
) -> None:
    """Whether its driver is stuck or a thread that it started: LEAKED at once, GONE once it can be."""
    guest, gate = spawned(host), Gate()
    body = "\n    ".join(gate.script.splitlines())
    threaded = f"import threading\ndef wait():\n    {body}\nthreading.Thread(target=wait).start()"
    guest.submit(threaded if own_thread else gate.script)
    gate.wait_arrived()
    departure = host.destroy(guest, 0.0)
    assert departure.state is GuestState.LEAKED
    assert departure.inside
    assert host.reap() == (guest,)
    assert host.close(0.0) == (guest,)
    gate.open()
    assert host.reap(SURELY) == ()
    gate.close()


def test_two_threads_destroy_one_guest_once(host: InterpreterHost) -> None:
    """The second one is told that somebody is at it, or that it is done."""
    guest, gate = spawned(host), Gate()
    guest.submit(gate.script)
    gate.wait_arrived()
    other = threading.Thread(target=host.destroy, args=(guest, SURELY))
    other.start()
    while guest.state is GuestState.LIVE:
        other.join(0.001)
    assert host.destroy(guest, SURELY).state is GuestState.LEAVING
    gate.open()
    other.join()
    assert host.destroy(guest).gone
    gate.close()


def test_a_closed_host_refuses(host: InterpreterHost) -> None:
    """A spawn after the close is refused; the close may come again."""
    spawned(host)
    assert host.close(SURELY) == ()
    assert isinstance(host.spawn(), Refused)
    assert host.close() == ()
