"""What is run in a cell: one script, the same in a thread, a subinterpreter and a process.

It says on standard output that it is ``there``, for its own process may not come to that any more; and on a
pipe ``(`` and ``)`` around a shielded section, ``!`` that it was cancelled, ``?`` that a shielded section was
cut short. Standard library only.
"""

from __future__ import annotations

from soak.targets.cancel_cells import Place

#: The checkpoint waits in native code with the GIL released, and ends when the cancel's pipe has something.
_TOOLS = """
import itertools, os, select, time

class Cancelled(BaseException):
    pass

_poll = select.poll()
_poll.register({cancel}, select.POLLIN)

def say(word):
    os.write({report}, word)

def there():
    os.write(1, b"there\\n")

def checkpoint(seconds):
    if _poll.poll(1000 * seconds):
        raise Cancelled
"""

_IN_PLACE = {
    Place.SPAWN: "while True: checkpoint(0.05)",
    Place.CALL: "there(); checkpoint(3600)",
    Place.SHIELD: """say(b'(')
    try:
        there()
        time.sleep({shielded})
        whole = True
    finally:
        say(b')')
    checkpoint(3600)""",
    Place.LOOP: "there()\n    while True: pass",
    Place.NATIVE: "there(); os.read(os.pipe()[0], 1)",
    Place.HELD: "there(); sum(itertools.repeat(0))",
}

_WORK = """{tools}
whole = {starts_whole}
try:
    {work}
except Cancelled:
    say(b'!' if whole else b'?')
"""

#: Seconds that the shielded section takes.
SHIELDED_S = 0.3


def script(place: Place, *, cancel: int, report: int) -> str:
    """The script for ``place``; ``cancel`` and ``report`` are descriptors in its process."""
    return _WORK.format(
        tools=_TOOLS.format(cancel=cancel, report=report),
        starts_whole=place is not Place.SHIELD,
        work=_IN_PLACE[place].format(shielded=SHIELDED_S),
    )
