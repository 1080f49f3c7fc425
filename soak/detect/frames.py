"""Which frames of a stack belong to the target or the scenario, and how a frame is said in few words."""

from __future__ import annotations

import re
from collections.abc import Iterable

from soak.events import Frame

#: The harness's own modules. Targets, canaries and scenarios that come with soak are under test instead.
_HARNESS = re.compile(
    r"(^|/)soak/(worker/|schedule/|supervisor/|detect/|cli/|triage/|findings/"
    r"|(author|events|flight|kernel|__init__|__main__)\.py$)"
)
_COMPREHENSIONS = frozenset({"<listcomp>", "<dictcomp>", "<setcomp>", "<genexpr>"})
_STANDARD_LIBRARY = re.compile(r"/lib(64)?/python3\.\d+t?/(?!site-packages/|dist-packages/)")


def is_harness(frame: Frame) -> bool:
    """Whether the frame is soak's own and would say nothing about the target."""
    return bool(_HARNESS.search(frame.file))


def is_own(frame: Frame) -> bool:
    """Whether the frame is the target's or the scenario's: Python, not ours, not the standard library's."""
    if frame.native or frame.file.startswith("<frozen") or not frame.file:
        return False
    return not is_harness(frame) and not _STANDARD_LIBRARY.search(frame.file)


def own(frames: Iterable[Frame]) -> tuple[Frame, ...]:
    """The frames of the target and the scenario, innermost first."""
    return tuple(frame for frame in frames if is_own(frame))


def telling(frames: Iterable[Frame]) -> tuple[Frame, ...]:
    """The frames that say where something happened: the target's own, else whatever is not the harness's.

    Of a stack without the target's frames Python's come before native ones, so that it says the same whether
    or not the machine let somebody read native stacks. A comprehension is part of its function: from Python
    3.12 on most have no frame of their own.
    """
    frames = tuple(frames)
    mine = own(frames)
    others = tuple(frame for frame in frames if not is_harness(frame))
    told = mine or tuple(frame for frame in others if not frame.native) or others
    return tuple(frame for frame in told if plain_function(frame) not in _COMPREHENSIONS) or told


def place(frame: Frame) -> str:
    """``step (mujoco_sim/engine.py)``: a frame without what differs between two machines or two edits."""
    return f"{plain_function(frame)} ({short_file(frame.file)})"


def where(frames: Iterable[Frame]) -> str:
    """The innermost telling frame as words, or nothing."""
    told = telling(frames)
    return place(told[0]) if told else ""


def short_file(path: str) -> str:
    """The last two parts of a path; a shared object loses its folder and its version, and a module of the
    standard library Python's."""
    if ".so" in path:
        return re.sub(r"(\.cpython-[^.]*|\.abi3)?\.so(\.\d+)*$", ".so", path.rsplit("/", 1)[-1])
    short = "/".join(path.replace("\\", "/").split("/")[-2:])
    return re.sub(r"^python3\.\d+t?/", "", short) if _STANDARD_LIBRARY.search(path) else short


def plain_function(frame: Frame) -> str:
    """A function's bare name: no class, no arguments, no templates, no marks of the compiler's clones."""
    name = frame.function
    if frame.native:
        name = re.sub(r"\(.*", "", name)
        while (bare := re.sub(r"<[^<>]*>", "", name)) != name:
            name = bare
        name = re.sub(r"(\.(part|constprop|isra|cold|lto_priv)(\.\d+)?|@@?\w[\w.]*)+$", "", name)
        name = re.sub(r"\b0x[0-9a-f]+\b|\+0x[0-9a-f]+", "", name)
        return name.strip() or "?"
    return name.rsplit(".", 1)[-1]
