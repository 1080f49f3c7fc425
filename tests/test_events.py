"""The event stream's line format."""

from __future__ import annotations

import json

import pytest

from soak.events import Event, Kind, Sighted, WorkerSpec, decode, encode, from_plain, to_plain
from tests.detect.samples import ALL, sample


def test_every_event_has_a_sample() -> None:
    """The samples below hold every type of event there is, so that a new one is tested too."""
    assert {kind.__name__ for kind in ALL} == {kind.__name__ for kind in Event.__subclasses__()}


@pytest.mark.parametrize("event", ALL.values(), ids=lambda event: type(event).__name__)
def test_round_trip(event: Event) -> None:
    """An event comes back from its line as it was: tuples, enums, frames and all."""
    line = encode(event)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert decode(line) == event
    assert decode(line.decode()) == event


@pytest.mark.parametrize("event", ALL.values(), ids=lambda event: type(event).__name__)
def test_unknown_fields(event: Event) -> None:
    """A field that a newer soak adds is passed over."""
    record = json.loads(encode(event)) | {"colour": "red"}
    assert decode(json.dumps(record)) == event


@pytest.mark.parametrize(
    "line",
    [
        "",
        "{",
        "null",
        "[]",
        "3",
        '"Beat"',
        "{}",
        '{"event":"Sneeze","t":1.0}',
        '{"event":"Note","t":1.0}',
        '{"event":"RunEnded","t":1.0,"verdict":"sunny","seconds":1.0,"reason":""}',
        b"\xff\xfe",
    ],
)
def test_broken_line(line: str | bytes) -> None:
    """A line that is no event is a ValueError, whatever is wrong with it."""
    with pytest.raises(ValueError, match=r"."):
        decode(line)


@pytest.mark.parametrize("event", ALL.values(), ids=lambda event: type(event).__name__)
def test_cut_line(event: Event) -> None:
    """A line that a killed writer left half-written is a ValueError, never half an event."""
    line = encode(event).rstrip()
    for end in range(len(line)):
        with pytest.raises(ValueError, match=r"."):
            decode(line[:end])


def test_lone_surrogate() -> None:
    """What a target prints or names need not be valid Unicode: the line is, and reads."""
    event = sample(Sighted, title="bad \udcff name", detail="two\nlines \x1b[31m")
    line = encode(event)
    assert line.count(b"\n") == 1
    decoded = decode(line)
    assert isinstance(decoded, Sighted)
    assert decoded.detail == event.detail


def test_values_on_disk_are_words() -> None:
    """An enum's value is what goes on disk, so that people can read and grep the stream."""
    assert json.loads(encode(sample(Sighted, kind=Kind.LEAK)))["kind"] == "leak"


def test_worker_spec() -> None:
    """What a worker is told survives the way through JSON."""
    spec = WorkerSpec(
        worker=1,
        scenario_file="/a/storm.py",
        scenario="storm",
        target="",
        seed=7,
        first_iteration=3,
        count=0,
        hang_after=10.0,
        perturb="light",
        guard_malloc=False,
        cores=True,
        folder="/tmp/w",
        env={"MUJOCO_GL": "disable"},
    )
    assert from_plain(WorkerSpec, json.loads(json.dumps(to_plain(spec)))) == spec
