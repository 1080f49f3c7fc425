"""Where a project lies says nothing about its problems: a file below its top is named from there on."""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from soak.detect.frames import is_own
from soak.events import Blocked, Event, Frame, PromiseBroken, Raised, Residue, WorkerEnded
from soak.files import project_of

E = TypeVar("E", bound=Event)


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """The project that is under test; without a ``top``, its absolute path, files are named as they come."""

    top: str = ""

    @classmethod
    def of(cls, cwd: Path) -> Project:
        """The project that ``cwd`` is in."""
        return cls(top=str(project_of(cwd)))

    @property
    def name(self) -> str:
        """What its folder is called here."""
        return self.top.rsplit("/", 1)[-1]

    def told(self, event: E) -> E:
        """The event with the project's files told from its top on."""
        match event:
            case PromiseBroken() | Raised():
                return dataclasses.replace(event, frames=self.frames(event.frames))
            case Residue():
                items = [dataclasses.replace(item, frames=self.frames(item.frames)) for item in event.items]
                return dataclasses.replace(event, items=tuple(items))
            case WorkerEnded():
                return dataclasses.replace(event, fault_text=self._fault(event.fault_text))
            case _:
                return event

    def frames(self, frames: tuple[Frame, ...]) -> tuple[Frame, ...]:
        """A stack with the project's files told from its top on."""
        if not self.top:
            return frames
        return tuple(
            dataclasses.replace(frame, file=frame.file.removeprefix(f"{self.top}/"))
            if is_own(frame)
            else frame
            for frame in frames
        )

    def blocked(self, blocked: tuple[Blocked, ...]) -> tuple[Blocked, ...]:
        """Threads with their stacks told so."""
        return tuple(dataclasses.replace(each, frames=self.frames(each.frames)) for each in blocked)

    def _fault(self, text: str) -> str:
        # A virtual environment may be the project's top: its standard library stays what it is.
        own = rf'(?<=File "){re.escape(self.top)}/(?!lib(64)?/python3)'
        return re.sub(own, "", text) if self.top else text
