"""Jitter at the line events of the target's files: seeded little sleeps that let other threads in.

Where a thread has been rarely, every sleep that is drawn is slept: races live in the transitions. What goes
round and round may sleep a share of its thread's time and no more, so that a loop of steps stays what it is.

Only frames whose code lies in the wanted files are looked at. From Python 3.12 on, ``sys.monitoring``
switches every other line off; on 3.11 a trace function does it, for threads that start after
:meth:`Perturber.install`.

Standard library only.
"""

from __future__ import annotations

import functools
import gc
import math
import os
import random
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

from soak.author import Scenario
from soak.stretch import stretch_by
from soak.worker.slots import thread_name

_TOOL = 4  # of sys.monitoring's six, one that neither debuggers, coverage nor profilers claim
_STANDARD = str(Path(os.__file__).parent) + os.sep  # what sysconfig would say, which takes 5 ms after a fork
_MORE_FILES = "SOAK_PERTURB_FILES"
_SWITCH_INTERVALS = (1e-6, 1e-5, 1e-4, 5e-3)
#: Allocations between two collections of the youngest garbage: finalisers run in the middle of anything.
_COLLECT_EVERY = (5, 50, 700)


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """How often a line is followed by a sleep, and of at most how many seconds; as often, a native call that
    can be stretched does its work at most ``stretch`` times. ``pressed``: threads are switched and garbage
    is collected at other times than usual.

    In an iteration, the first ``novel`` sleeps that are drawn for a thread at a line are slept in any case,
    more only while all of its sleeps have taken at most ``share`` of the time that it has been seen. After
    ``worn`` draws the line is left alone until the next iteration.
    """

    chance: float
    longest: float
    pressed: bool
    stretch: int
    novel: int
    share: float
    worn: float


LEVELS = {
    "light": Level(chance=0.05, longest=200e-6, pressed=False, stretch=1, novel=8, share=0.04, worn=2000),
    "heavy": Level(
        chance=0.2, longest=2e-3, pressed=True, stretch=100, novel=0, share=math.inf, worn=math.inf
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Files:
    """Which source files are perturbed: these, and all below these folders."""

    files: frozenset[str]
    folders: tuple[str, ...] = ()

    def wants(self, file: str) -> bool:
        return file in self.files or (bool(self.folders) and file.startswith(self.folders))


class _Noise:
    """One thread's, in one iteration: how many lines are left until its next sleep, and how it has slept."""

    __slots__ = ("began", "draw", "left", "seen", "slept")

    def __init__(self, seed: str, level: Level, now: float) -> None:
        self.draw = random.Random(seed).random
        self.seen: Counter[object] = Counter()
        self.began = now
        self.slept = 0.0
        self.left = self.gap(level)

    def gap(self, level: Level) -> int:
        """Lines until the next sleep: as if each of them were asked, at the cost of one draw."""
        return 1 + int(math.log(1.0 - self.draw()) / math.log(1.0 - level.chance))

    def may_sleep(self, level: Level, place: object, now: float) -> bool:
        """Whether the sleep that was drawn at ``place`` is slept."""
        self.seen[place] += 1
        return self.seen[place] <= level.novel or self.slept / level.share <= now - self.began


class Perturber:
    """Sleeps now and then between two lines of the target. Off until :meth:`activate`."""

    def __init__(
        self,
        level: str,
        files: Files,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        """Levels: none, light, heavy. ``sleep`` lets other threads in; shares are of the time by ``clock``.

        Raises:
            ValueError: there is no such level.
        """
        if level != "none" and level not in LEVELS:
            raise ValueError(f"perturb: expected none, light or heavy, got {level!r}")
        self._level = LEVELS.get(level)
        self._files = files
        self._sleep = sleep
        self._clock = clock
        self._wanted: dict[str, bool] = {}
        self._local = threading.local()
        self._seed = ""
        self._active = False
        self._installed = False
        self._disable: Any = None
        self._silenced = False
        self._usual_interval = sys.getswitchinterval()
        self._usual_threshold = gc.get_threshold()

    def install(self) -> None:
        """Hook into line events of this process, once: before the target starts its threads."""
        if self._level is None or self._installed:
            return
        self._installed = True
        if sys.version_info >= (3, 12):
            monitoring = sys.monitoring
            try:
                monitoring.use_tool_id(_TOOL, "soak")
            except ValueError:  # the target's own instrument has it: do without
                return
            self._disable = monitoring.DISABLE
            monitoring.register_callback(_TOOL, monitoring.events.LINE, self._monitor_line)
            monitoring.set_events(_TOOL, monitoring.events.LINE)
        else:
            threading.settrace(self._trace_call)

    def activate(self, seed: str) -> None:
        """Perturb from now on. Every thread draws from its own generator, made of ``seed`` and its name."""
        if self._level is None:
            return
        self._seed = seed
        self._local = threading.local()
        if self._silenced and sys.version_info >= (3, 12):
            self._silenced = False
            sys.monitoring.restart_events()
        if self._level.pressed:
            pressure = random.Random(seed)
            sys.setswitchinterval(pressure.choice(_SWITCH_INTERVALS))
            gc.set_threshold(pressure.choice(_COLLECT_EVERY), *self._usual_threshold[1:])
        if self._level.stretch > 1:
            stretch_by(self._draw_stretch)
        self._active = True

    def enter_process(self, name: str) -> None:
        """This is now the operation's process ``name``, whose calls are perturbed like a thread's."""
        self._seed += f":{name}"
        self._local = threading.local()
        if self._installed and sys.version_info < (3, 12):
            sys.settrace(self._trace_call)

    def deactivate(self) -> None:
        """Perturb no more until the next :meth:`activate`."""
        self._active = False
        if self._level is not None and self._level.pressed:
            sys.setswitchinterval(self._usual_interval)
            gc.set_threshold(*self._usual_threshold)
        if self._level is not None and self._level.stretch > 1:
            stretch_by(None)

    def remove(self) -> None:
        """Unhook from line events."""
        self.deactivate()
        if not self._installed:
            return
        self._installed = False
        if sys.version_info >= (3, 12):
            if sys.monitoring.get_tool(_TOOL) == "soak":
                sys.monitoring.set_events(_TOOL, 0)
                sys.monitoring.free_tool_id(_TOOL)
        else:
            threading.settrace(None)

    @property
    def boundary(self) -> Callable[[], None] | None:
        """What an operation's thread calls between two operations; None where nothing is perturbed."""
        return self._between if self._level is not None else None

    # -- on the threads ------------------------------------------------------------------------------------

    def _between(self) -> None:
        if self._active:
            self._pass("")

    def _pass(self, place: object) -> bool:
        """A thread passes a place, most times without more. Returns whether it was there often enough."""
        try:
            own: _Noise = self._local.own
        except AttributeError:
            own = self._begin()
        own.left -= 1
        return own.left <= 0 and self._pause(own, place)

    def _begin(self) -> _Noise:
        level = self._level
        assert level is not None, "nobody asks for noise that there is none of"
        own: _Noise = _Noise(f"{self._seed}:{thread_name()}", level, self._clock())
        self._local.own = own
        return own

    def _pause(self, own: _Noise, place: object) -> bool:
        level = self._level
        if level is None:
            return False
        own.left = own.gap(level)
        seconds, now = own.draw() * level.longest, self._clock()
        if own.may_sleep(level, place, now):
            # What it lasted counts, with the timer's lateness and the wait for the GIL after it: on a shared
            # machine that is two or three times what was asked for.
            self._sleep(seconds)
            own.slept += self._clock() - now
        return own.seen[place] >= level.worn

    def _draw_stretch(self) -> int:
        level = self._level
        if level is None or not self._active:
            return 1
        draw = self._own_draw()
        return 1 + int(draw() * level.stretch) if draw() < level.chance else 1

    def _own_draw(self) -> Callable[[], float]:
        try:
            own: _Noise = self._local.own
        except AttributeError:
            own = self._begin()
        return own.draw

    def _wants(self, file: str) -> bool:
        wanted = self._wanted.get(file)
        if wanted is None:
            wanted = self._wanted[file] = self._files.wants(file)
        return wanted

    def _monitor_line(self, code: CodeType, line: int) -> Any:
        if not self._wants(code.co_filename):
            return self._disable
        if self._active and self._pass((code, line)):
            self._silenced = True
            return self._disable
        return None

    def _trace_call(self, frame: FrameType, event: str, arg: Any) -> Any:
        return self._trace_line if self._wants(frame.f_code.co_filename) else None

    def _trace_line(self, frame: FrameType, event: str, arg: Any) -> Any:
        if self._active and event == "line" and self._pass((frame.f_code, frame.f_lineno)):
            frame.f_trace_lines = False  # of this call, that is: of the loop in it
        return self._trace_line


# -- which files ---------------------------------------------------------------------------------------------


def files_of(target: Any, scenario: Scenario) -> Files:
    """The files of ``target``: of the modules in its MRO, and of its whole package where that is not soak.

    These modules, and the scenario's own, may name more in ``SOAK_PERTURB_FILES``; without a target, that is
    all: how the scenario itself is disturbed between two calls is enough.
    """
    named = getattr(scenario.set_up, "__globals__", {}).get(_MORE_FILES, ())
    files: set[str] = set(named)
    if target is None:
        return Files(files=frozenset(files))
    for module in map(sys.modules.get, module_names(target)):
        file = getattr(module, "__file__", None)
        if file and not _is_standard(file):
            files.add(file)
            files.update(getattr(module, _MORE_FILES, ()))
    return Files(files=frozenset(files), folders=_package_folders(target))


def module_names(target: Any) -> list[str]:
    """The modules where ``target`` and the classes that it is made of are defined, without repetition."""
    if isinstance(target, functools.partial):  # a target that was named with arguments
        target = target.func
    kinds = target.__mro__ if isinstance(target, type) else (target, *type(target).__mro__)
    names = [getattr(kind, "__module__", None) for kind in kinds]
    return list(dict.fromkeys(name for name in names if isinstance(name, str) and name != "builtins"))


def _package_folders(target: Any) -> tuple[str, ...]:
    names = module_names(target)
    top = names[0].partition(".")[0] if names else ""
    package = sys.modules.get(top)
    if not top or top == "soak" or top in sys.stdlib_module_names or package is None:
        return ()
    return tuple(str(folder).rstrip(os.sep) + os.sep for folder in getattr(package, "__path__", ()))


def _is_standard(file: str) -> bool:
    return file.startswith(_STANDARD) and "site-packages" not in file and "dist-packages" not in file
