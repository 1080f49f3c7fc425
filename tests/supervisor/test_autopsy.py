"""What a dead worker's flight file tells of its end."""

from __future__ import annotations

from pathlib import Path

import pytest

from soak import flight
from soak.flight import MAIN, SCENARIO, TARGET, Flight, FlightReader
from soak.supervisor.autopsy import only_operation


@pytest.mark.parametrize(
    ("threads", "expected"),
    [
        ([(SCENARIO, "leave")], "leave"),
        ([(SCENARIO, "")], ""),
        ([(SCENARIO, "leave"), (TARGET, "policy of left"), (MAIN, "operations")], "leave"),
        ([(SCENARIO, "leave"), (SCENARIO, "enter")], ""),
        ([(SCENARIO, "leave"), (SCENARIO, "")], ""),
        ([], ""),
    ],
)
def test_only_a_lone_threads_operation_is_told(
    tmp_path: Path, threads: list[tuple[int, str]], expected: str
) -> None:
    """Of several threads it is chance who is in what when the process dies, so none of them is told."""
    path = tmp_path / "flight"
    flight.create(path)
    writer = Flight(path)
    for index, (kind, doing) in enumerate(threads):
        slot = writer.slot(index, f"thread-{index}", kind)
        if doing:
            slot.enter(writer.label(doing))
    reader = FlightReader(path)
    assert only_operation(reader.snapshot()) == expected
    reader.close()
