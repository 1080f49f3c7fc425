"""Reads faulthandler's text, tolerantly: it may be cut, interleaved, empty, or hold several dumps."""

from __future__ import annotations

import re
from dataclasses import dataclass

from soak.events import Frame

# 3.14 puts the thread's name in brackets behind its number. Two threads that crash at once write into one
# another's lines, and the first to end cuts the other's dump short: so nothing here relies on where a line
# begins, and a frame without the end of its line is not believed.
_HEADER = re.compile(
    r"(Current thread|Thread) (0x[0-9a-fA-F]+)(?: \[([^\]\n]*)\])? \(most recent call first\):"
)
_FRAME = re.compile(r'File "([^"\n]*)", line (\d+|\?\?\?) in ([^\n]+?)(?=  File "|\n)')
_ERROR = re.compile(r"Fatal Python error: (?!Fatal Python error)")
_ERROR_NAME = re.compile(
    r"Segmentation fault|Aborted|Bus error|Floating-point exception|Illegal instruction|[^\n]+"
)
_END = re.compile(r"\nExtension modules: |\nCurrent thread's C stack trace")


@dataclass(frozen=True, slots=True, kw_only=True)
class ThreadStack:
    """One thread of a dump. ``current`` is the thread that the dump was written by: the one that crashed."""

    ident: str
    name: str
    current: bool
    frames: tuple[Frame, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """The last dump of a text. ``error`` is faulthandler's name for the crash, or empty for a plain dump."""

    error: str
    threads: tuple[ThreadStack, ...]

    @property
    def crashed(self) -> ThreadStack | None:
        """The thread that crashed; none where it was a native thread without a Python state."""
        return next((thread for thread in self.threads if thread.current), None)


def parse(text: str) -> Fault:
    """The last dump in ``text``; an empty one where there is none."""
    errors = list(_ERROR.finditer(text))
    # The header of a second crash may stand within the dump of the first, behind its crashed thread.
    starts = [error.start() for error in errors if "Current thread" in text[error.end() :]]
    start = starts[-1] if starts else errors[0].start() if errors else 0
    ends = _END.search(text, start)
    body = text[start : ends.start() if ends else len(text)]
    headers = list(_HEADER.finditer(body))
    stops = [*(header.start() for header in headers[1:]), len(body)]  # one too many where there are none
    return Fault(
        error=_error_name(text, errors[-1].end()) if errors else "",
        threads=tuple(
            ThreadStack(
                ident=header.group(2),
                name=header.group(3) or "",
                current=header.group(1) == "Current thread",
                frames=_frames(body[header.end() : stop]),
            )
            for header, stop in zip(headers, stops, strict=False)
        ),
    )


def _error_name(text: str, at: int) -> str:
    match = _ERROR_NAME.match(text, at)
    return match.group().strip() if match else ""


def _frames(text: str) -> tuple[Frame, ...]:
    return tuple(
        Frame(
            function=match.group(3).strip(),
            file=match.group(1),
            line=int(match.group(2)) if match.group(2).isdigit() else 0,
        )
        for match in _FRAME.finditer(text)
    )
