"""Subinterpreters are made, run and destroyed from several threads, and at every inconvenient moment."""

from __future__ import annotations

import contextlib
import random
import sys
import threading
import time
from collections.abc import Generator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import soak
from soak.targets import interpreters
from soak.targets.interpreter_exit import Situation, exit_with, stated_status
from soak.targets.interpreter_guest import Guest, GuestState
from soak.targets.interpreter_memory import kept_per_cycle, most_kept
from soak.targets.interpreter_promises import DESTROY, OBEDIENT_SCRIPT, Gate, Hosting, idle_former_driver

if TYPE_CHECKING:
    from soak.targets.interpreter_host import InterpreterHost

KNOWN_LIMIT = "known limit of CPython " + ".".join(map(str, sys.version_info[:2]))
HANGS_BESIDE_DRIVER = sys.version_info < (3, 13)
LEAVES_IN_PEACE = "a process whose host was not closed ends as it should, in bounded time"
KEPT = {
    own_gil: f"CPython keeps about {kept / 1e6:.2g} MB of each ({KNOWN_LIMIT})" if kept else "nothing is kept"
    for own_gil, kept in interpreters.KEPT_BYTES.items()
}
GONE_SOON = DESTROY.promise("a guest that two threads destroy is gone once both of them have returned")
KEEPS_MEMORY = "a cycle keeps no more memory than this CPython is known to keep"

#: Bootstraps that raise, and what.
FAILING = (
    ("raise KeyError('no such plugin')", "KeyError"),
    ("def half(:", "SyntaxError"),
    ("import a_module_that_is_not_there", "ModuleNotFoundError"),
    ("import sys; sys.exit(3)", "SystemExit"),
)
#: What a guest's work may look like; `threading` inside is what makes a destroy difficult.
WORKING = (
    "x = sum(range(1000))",
    "import json; json.dumps(list(range(100)))",
    "import threading; threading.local()",
    "import time; time.sleep(0.001)",
    "import threading\nt = threading.Thread(target=int); t.start(); t.join()",
)


@dataclass(slots=True, kw_only=True)
class House:
    """An iteration's host, its callers' memory, and the guests that everybody may use."""

    make_host: type[InterpreterHost]
    own_gil: bool
    weighs: bool
    hosting: Hosting
    shared: list[Guest] = field(default_factory=list)


@soak.scenario(seconds=1.0, target="soak.targets.interpreter_host:InterpreterHost", threads=3, real_exit=True)
def interpreter_teardown(target: Any, rng: random.Random) -> Generator[House, None, None]:
    """Create, exec and destroy from several threads: nothing hangs, nothing is lost, nobody is left inside.

    Guests are destroyed while they run, while threads of theirs run, twice at once, while they are stuck, and
    by the end of the process. What CPython cannot do is not asked of it, and named: the table is in
    `soak/targets/interpreters.py`.
    """
    own_gil = interpreters.OWN_GIL and rng.random() < 0.5
    hosting = Hosting(target(own_gil=own_gil))
    yield House(make_host=target, own_gil=own_gil, weighs=rng.random() < 0.4, hosting=hosting)


worked = interpreter_teardown.sometimes("a guest did its work and was destroyed")
unheard = interpreter_teardown.sometimes("a bootstrap raised, and the parent heard it")
while_running = interpreter_teardown.sometimes("a guest was destroyed while it ran")
refused_bare = interpreter_teardown.sometimes("an interpreter that ran refused to be destroyed")
leaked = interpreter_teardown.sometimes("a guest that did not come out was told as leaked, and gone later")
inside = interpreter_teardown.sometimes("a guest was destroyed with a thread of its own inside")
inside_stuck = interpreter_teardown.sometimes("a guest's own thread kept it from being destroyed in time")
twice = interpreter_teardown.sometimes("two threads destroyed one guest")
idle = interpreter_teardown.sometimes("an interpreter was destroyed whose former driver idled")
at_exit = interpreter_teardown.sometimes("a process ended without closing its host")
at_exit_stuck = interpreter_teardown.sometimes("a process ended with a guest that never came out")


@interpreter_teardown.operation(weight=4)
def cycle(house: House, rng: random.Random) -> object:
    """Create, some work, destroy."""
    guest = house.hosting.spawn(rng.choice(WORKING))
    if isinstance(guest, soak.Refused):
        return guest
    for _ in range(rng.randint(0, 2)):
        house.hosting.run(guest, rng.choice(WORKING))
    if rng.random() < 0.3:
        house.hosting.run_in_vain(guest, "ValueError", f"no {rng.randint(0, 9)}")
    worked(house.hosting.destroy(guest).gone)
    return None


@interpreter_teardown.operation()
def fail_bootstrap(house: House, rng: random.Random) -> object:
    """A guest that never comes up: its parent hears why."""
    refusal = house.hosting.spawn_in_vain(*rng.choice(FAILING))
    unheard(refusal is None)
    return refusal


@interpreter_teardown.operation(weight=2)
def destroy_running(house: House, rng: random.Random) -> object:
    """A destroy while a script runs, which ends when it is cancelled; first without the host's help."""
    guest = house.hosting.spawn()
    if isinstance(guest, soak.Refused):
        return guest
    gate = Gate()
    guest.submit(gate.arrival + OBEDIENT_SCRIPT)
    gate.wait_arrived()
    if rng.random() < 0.5:
        house.hosting.destroy_bare(guest)
        refused_bare()
    while_running(house.hosting.destroy(guest).gone)
    gate.close()
    return None


@interpreter_teardown.operation()
def destroy_stuck(house: House, rng: random.Random) -> object:
    """A destroy of a guest that does not come out, or whose own thread does not."""
    guest = house.hosting.spawn()
    if isinstance(guest, soak.Refused):
        return guest
    gate = Gate()
    own_thread = rng.random() < 0.5
    if own_thread:
        body = "\n    ".join(gate.script.splitlines())
        guest.submit(f"import threading\ndef wait():\n    {body}\nthreading.Thread(target=wait).start()")
    else:
        guest.submit(gate.script)
    gate.wait_arrived()
    house.hosting.destroy_stuck(guest, gate.open, timeout=rng.uniform(0.0, 0.05))
    (inside_stuck if own_thread else leaked)()
    gate.close()
    return None


@interpreter_teardown.operation()
def destroy_with_thread_inside(house: House, rng: random.Random) -> object:
    """A destroy while a thread that the guest started runs for some milliseconds more."""
    guest = house.hosting.spawn()
    if isinstance(guest, soak.Refused):
        return guest
    gate = Gate()
    body = f"import time\n    {gate.arrival.splitlines()[1]}\n    time.sleep({rng.uniform(0.0, 0.02):.4f})"
    guest.submit(f"import os, threading\ndef work():\n    {body}\nthreading.Thread(target=work).start()")
    gate.wait_arrived()
    inside(house.hosting.destroy(guest).gone)
    gate.close()
    return None


@interpreter_teardown.operation(weight=2)
def share(house: House, rng: random.Random) -> object:
    """Guests that all threads run scripts in and destroy, several at once."""
    if len(house.shared) < 2:
        guest = house.hosting.spawn(rng.choice(WORKING))
        if isinstance(guest, soak.Refused):
            return guest
        house.shared.append(guest)
    mine = rng.choice(house.shared)
    if rng.random() < 0.6:
        return house.hosting.run(mine, rng.choice(WORKING))
    house.hosting.destroy(mine)
    with contextlib.suppress(ValueError):  # another thread was first
        house.shared.remove(mine)
    return None


@interpreter_teardown.operation()
def destroy_twice(house: House, rng: random.Random) -> object:
    """Two threads destroy one guest at the same moment."""
    guest = house.hosting.spawn(rng.choice(WORKING))
    if isinstance(guest, soak.Refused):
        return guest
    guest.submit(OBEDIENT_SCRIPT)
    start = threading.Barrier(2)

    def destroy() -> None:
        start.wait()
        house.hosting.destroy(guest)

    other = threading.Thread(target=destroy, name="other destroyer")
    other.start()
    destroy()
    other.join()
    twice(soak.always(guest.state is GuestState.GONE, GONE_SOON, guest=guest))
    return None


@interpreter_teardown.operation(weight=0.5)
def leave_driver_idle(house: House, rng: random.Random) -> object:
    """Without a host: the thread that drove an interpreter lives on while another one destroys that.

    Not where the interpreter had imported `threading` and this CPython would wait for ever.
    """
    script = WORKING[0] if HANGS_BESIDE_DRIVER else rng.choice(WORKING)
    without = f", without `threading` ({KNOWN_LIMIT}: hangs)" if HANGS_BESIDE_DRIVER else ""
    with house.hosting.timed(f"destroy beside an idle former driver{without}"):
        interpreter, end = idle_former_driver(house.own_gil, script)
        interpreters.destroy(interpreter)
    idle()
    end()
    return None


@interpreter_teardown.operation(threads=1)
def end_process(house: House, rng: random.Random) -> object:
    """A process of its own ends without having closed its host."""
    situation = rng.choice([*Situation, Situation.STUCK])
    began = time.monotonic()
    status = exit_with(situation, house.make_host)
    stated = stated_status(situation)
    soak.always(status == stated, LEAVES_IN_PEACE, situation=situation, status=status, stated=stated)
    how = f"aborts ({KNOWN_LIMIT})" if stated else "in peace"
    soak.took(f"process exit, guest {situation.value}: {how}", time.monotonic() - began)
    (at_exit_stuck if situation is Situation.STUCK else at_exit)()
    return None


@interpreter_teardown.invariant("calls on the host return in bounded time", every=0.005)
def in_time(house: House) -> bool:
    house.hosting.pace.tick()
    return True


@interpreter_teardown.check("interpreters and drivers are back at the baseline once the host is closed")
def at_baseline(house: House) -> bool:
    return house.hosting.close()


@interpreter_teardown.check(KEEPS_MEMORY)
def keeps_memory(house: House) -> bool:
    if not house.weighs:
        return True
    host = house.make_host(own_gil=house.own_gil)
    began = time.monotonic()
    kept, most = kept_per_cycle(host, WORKING[1]), most_kept(own_gil=house.own_gil)
    soak.took(
        f"cycles at rest, GIL {'not ' * house.own_gil}shared: {KEPT[house.own_gil]}", time.monotonic() - began
    )
    host.close()
    return soak.always(kept <= most, KEEPS_MEMORY, bytes_per_cycle=round(kept), at_most=round(most))
