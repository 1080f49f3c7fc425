"""A narrowed scenario: what is named stays, all else goes, and mistakes are told."""

from __future__ import annotations

import random
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

import soak
from soak.worker.load import load_scenario


@soak.scenario(seconds=5.0, threads=3)
def market(target: Any, rng: random.Random) -> Generator[None, None, None]:
    """Buyers and sellers."""
    yield


market.sometimes("somebody bought")


@market.operation(threads=4)
def buy(state: object, rng: random.Random) -> None:
    pass


@market.operation(processes=2)
def sell(state: object, rng: random.Random) -> None:
    pass


@market.operation()
def look(state: object, rng: random.Random) -> None:
    pass


@market.nemesis(every=1.0)
def rob(state: object, rng: random.Random) -> None:
    pass


def test_what_is_not_named_stays() -> None:
    """Without a word all is as it was, but that no `sometimes` is waited for."""
    whole, same = market.freeze(), soak.narrowed(market)
    assert (same.operations, same.nemeses, same.seconds) == (whole.operations, whole.nemeses, 5.0)
    assert (same.name, same.threads, same.rounds, same.target) == ("market", 3, None, None)
    assert same.waived == {"somebody bought"}


def test_what_is_named_is_narrowed() -> None:
    """Operations, their threads or processes, the pool, nemeses, time, rounds and target."""
    small = soak.narrowed(
        market,
        operations=("sell", "buy"),
        threads={"buy": 1, "sell": 1},
        pool=1,
        nemeses=(),
        seconds=0.5,
        rounds=2,
        target="shop:Sim?size=1",
    )
    assert [(each.name, each.threads, each.processes) for each in small.operations] == [
        ("buy", 1, None),
        ("sell", None, 1),
    ]
    assert (small.threads, small.nemeses, small.seconds, small.rounds) == (1, (), 0.5, 2)
    assert small.target == "shop:Sim?size=1"


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"operations": ("by",)}, "no operation 'by'; it has buy, sell, look"),
        ({"nemeses": ("rop",)}, "no nemesis 'rop'; it has rob"),
        ({"operations": ("buy",), "threads": {"sell": 1}}, "no operation 'sell'; it has buy"),
        ({"threads": {"buy": 0}}, "at least 1 for buy, got 0"),
        ({"rounds": 0}, "at least 1 for rounds, got 0"),
    ],
)
def test_what_is_not_there_is_told(wrong: dict[str, Any], says: str) -> None:
    """A name that the scenario does not have, and a number below 1, with what would be right."""
    with pytest.raises(ValueError, match=says.replace("(", r"\(")):
        soak.narrowed(market, **wrong)


STORY = """
import soak

@soak.scenario(seconds=5.0)
def tale(target, rng):
    yield

@tale.operation(threads=2)
def tell(state, rng):
    pass
"""


def test_a_file_narrows_another_from_any_folder(tmp_path: Path) -> None:
    """The path is relative to the narrowing file, wherever soak is started."""
    (tmp_path / "story.py").write_text(STORY)
    deep = tmp_path / "a" / "b"
    deep.mkdir(parents=True)
    file = deep / "small.py"
    file.write_text(
        'import soak\n\nt = soak.narrowed("../../story.py::tale", beside=__file__, seconds=1.0)\n'
    )
    small = load_scenario(str(file), "tale")
    assert (small.name, small.seconds, small.operations[0].threads) == ("tale", 1.0, 2)


def test_a_built_in_scenario_goes_by_its_name() -> None:
    """No path, so that the file works in any checkout."""
    assert soak.narrowed("start_stop", seconds=1.0).name == "start_stop"


def test_a_file_that_is_gone_and_a_strange_name_are_told(tmp_path: Path) -> None:
    """With what was expected."""
    with pytest.raises(FileNotFoundError, match="bring it back"):
        soak.narrowed("gone.py", beside=str(tmp_path / "x.py"))
    with pytest.raises(ValueError, match=r"built-in scenario of .*start_stop"):
        soak.narrowed("start_stopp")
