"""The interpreter's events that become points: `sys.monitoring` from Python 3.12, `sys.settrace` before.

Local monitoring events cost the target's own code and nobody else's. On 3.11 every call is looked at, in
controlled threads only.
"""

from __future__ import annotations

import enum
import sys
import types
from collections.abc import Callable
from typing import Any, Protocol

from soak.schedule.functions import functions_of
from soak.schedule.places import Places
from soak.schedule.target import Target
from soak.schedule.task import TASKS, get_ident, here


class Granularity(enum.Enum):
    """How fine the points are."""

    LINE = "line"
    OPCODE = "opcode"


class Points(Protocol):
    """Turns events of the target into `Conductor.reach`."""

    foreign: set[str]

    def use(self, granularity: Granularity) -> None:
        """Report lines, or opcodes, from now on."""
        ...

    def enter_thread(self) -> None:
        """Called once in each controlled thread, before it runs anything of the target."""
        ...

    def close(self) -> None:
        """Report nothing any more."""
        ...


def points(target: Target, function: Callable[..., Any]) -> Points:
    """What this Python has, for schedules of ``function``."""
    if sys.version_info >= (3, 12):
        return Monitored(target, function)
    return Traced(target)


class Traced:
    """`sys.settrace`, thread by thread."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self.places = Places()
        self.opcodes = False
        self.foreign: set[str] = set()

    def use(self, granularity: Granularity) -> None:
        self.opcodes = granularity is Granularity.OPCODE

    def enter_thread(self) -> None:
        sys.settrace(self._call)

    def close(self) -> None:
        """Threads took their trace functions with them."""

    def _call(self, frame: types.FrameType, event: str, arg: object) -> Any:
        if frame.f_code.co_filename not in self.target:
            return None
        if self.opcodes:
            frame.f_trace_lines, frame.f_trace_opcodes = False, True
            return self._opcode
        return self._line

    def _line(self, frame: types.FrameType, event: str, arg: object) -> Any:
        if event == "line":
            place = self.places.line(frame.f_code, frame.f_lineno, frame.f_globals)
            task = here()
            if place is not None and task is not None:
                task.conductor.reach(task, place)
        return self._line

    def _opcode(self, frame: types.FrameType, event: str, arg: object) -> Any:
        if event == "opcode":
            place = self.places.opcode(frame.f_code, frame.f_lasti, frame.f_globals)
            task = here()
            if place is not None and task is not None:
                task.conductor.reach(task, place)
        return self._opcode


if sys.version_info >= (3, 12):
    monitoring = sys.monitoring
    EVENTS = {
        Granularity.LINE: monitoring.events.LINE,
        Granularity.OPCODE: monitoring.events.INSTRUCTION,
    }

    class Monitored:
        """Events local to the target's code objects, found as each first runs."""

        def __init__(self, target: Target, function: Callable[..., Any]) -> None:
            self.target = target
            self.places = Places()
            self.events = monitoring.events.LINE
            self.codes: dict[int, tuple[types.CodeType, dict[str, Any]]] = {}
            self.foreign: set[str] = set()
            self.tool = _free_tool()
            monitoring.use_tool_id(self.tool, "soak")
            events = monitoring.events
            monitoring.register_callback(self.tool, events.PY_START, self._start)
            monitoring.register_callback(self.tool, events.LINE, self._line)
            monitoring.register_callback(self.tool, events.INSTRUCTION, self._opcode)
            self._watch_known(function)
            monitoring.set_events(self.tool, events.PY_START)
            monitoring.restart_events()

        def use(self, granularity: Granularity) -> None:
            wanted = EVENTS[granularity]
            if wanted == self.events:
                return
            self.events = wanted
            for code, _ in self.codes.values():
                monitoring.set_local_events(self.tool, code, wanted)
            monitoring.restart_events()

        def enter_thread(self) -> None:
            """Monitoring is the interpreter's, not a thread's."""

        def close(self) -> None:
            monitoring.set_events(self.tool, 0)
            for code, _ in self.codes.values():
                monitoring.set_local_events(self.tool, code, 0)
            for event in (monitoring.events.PY_START, *EVENTS.values()):
                monitoring.register_callback(self.tool, event, None)
            monitoring.free_tool_id(self.tool)

        def _watch_known(self, function: Callable[..., Any]) -> None:
            """The functions that can be told by now. Asked for as a generator starts, its first event would
            come from the second start on, since it lies before the start.
            """
            for one in functions_of(function, self.target.modules()):
                if one.__code__.co_filename in self.target:
                    self._watch(one.__code__, one.__globals__)

        def _watch(self, code: types.CodeType, names: dict[str, Any]) -> None:
            if id(code) in self.codes:
                return
            self.codes[id(code)] = (code, names)
            monitoring.set_local_events(self.tool, code, self.events)
            for constant in code.co_consts:
                if isinstance(constant, types.CodeType):
                    self._watch(constant, names)

        def _start(self, code: types.CodeType, offset: int) -> object:
            if code.co_filename not in self.target:
                return monitoring.DISABLE
            # Not disabled: on 3.13 a function of one line has a line event only if its start has one, too.
            self._watch(code, sys._getframe(1).f_globals)
            return None

        def _line(self, code: types.CodeType, line: int) -> object:
            try:
                place = self.places.known[id(code)][line]
            except KeyError:
                place = self.places.line(code, line, self.codes[id(code)][1])
            if place is None:
                return monitoring.DISABLE
            task = TASKS.get(get_ident())
            if task is None:
                self.foreign.add(f"{code.co_qualname} ran in a thread that is not controlled")
            else:
                task.conductor.reach(task, place)
            return None

        def _opcode(self, code: types.CodeType, offset: int) -> object:
            place = self.places.opcode(code, offset, self.codes[id(code)][1])
            if place is None:
                return monitoring.DISABLE
            task = TASKS.get(get_ident())
            if task is None:
                self.foreign.add(f"{code.co_qualname} ran in a thread that is not controlled")
            else:
                task.conductor.reach(task, place)
            return None

    def _free_tool() -> int:
        """Debuggers, coverage and profilers have numbers of their own; two have nobody's."""
        for tool in (3, 4):
            if monitoring.get_tool(tool) is None:
                return tool
        raise RuntimeError(
            "sys.monitoring has no free tool number (3 and 4 are taken): end the other tool first"
        )
