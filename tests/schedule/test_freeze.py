"""Two calls meet where that can be done; where it cannot, it is said why, and nothing is called."""

from __future__ import annotations

import platform
from types import SimpleNamespace
from typing import Any

import pytest

from soak.schedule.freeze import Freezer


class Call:
    """Stands in for the stay of a thread that the kernel does not know."""

    def __init__(self) -> None:
        self.made = 0
        self.task: Any = SimpleNamespace(thread=SimpleNamespace(native_id=999_999_999))

    def call(self, times: int) -> None:
        self.made += 1


def meeting(*, stop_second: bool) -> tuple[Freezer, list[str], Any, Any]:
    said: list[str] = []
    first, second = Call(), Call()
    with Freezer(said.append, 0.0, stop_second=stop_second) as freezer:
        freezer.meet(first, second, "they meet")  # type: ignore[arg-type]
        freezer.go_through(first)  # type: ignore[arg-type]
    return freezer, said, first, second


@pytest.mark.parametrize("stop_second", [False, True])
def test_what_the_kernel_refuses_is_said(stop_second: bool) -> None:
    freezer, said, first, second = meeting(stop_second=stop_second)
    if platform.machine() == "x86_64":
        assert freezer.missing == "a thread cannot be stopped here: No such process"
    assert (said, first.made, second.made) == ([], 0, 0)


def test_another_processor_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")
    freezer, said, first, second = meeting(stop_second=False)
    assert freezer.missing.endswith("on Linux on x86-64 only, this is Linux on aarch64")
    assert (said, first.made, second.made) == ([], 0, 0)
