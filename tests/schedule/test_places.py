"""A line is a point only where threads can share what it touches."""

from __future__ import annotations

from types import CodeType

import pytest

from soak.schedule.places import Place, Places

SOURCE = """\
def work(box):
    n = 1
    m = n
    box.total = m
    if box.flag:
        pass
    items[n] = m
    box.jobs.append(n)
    helper
    return n
"""


def line(number: int) -> Place | None:
    module = compile(SOURCE, "/a/b/c.py", "exec")
    code = next(one for one in module.co_consts if isinstance(one, CodeType))
    return Places().line(code, number, {"helper": len, "items": {}})


@pytest.mark.parametrize("number", [2, 3, 10])
def test_lines_on_local_variables_are_no_points(number: int) -> None:
    assert line(number) is None


def test_names_that_are_read_and_written_are_told_apart() -> None:
    flag, total, items, jobs = (line(number) for number in (5, 4, 7, 8))
    assert flag is not None and flag.reads == {"flag"} and not flag.writes
    assert total is not None and total.writes == {"total"}
    assert items is not None and "items" in items.writes
    assert jobs is not None and jobs.writes == {"jobs"}
    assert not flag.races(flag)
    assert total.races(total)
    assert not total.races(flag)


def test_a_key_is_the_same_on_every_machine() -> None:
    place = line(4)
    assert place is not None
    assert place.key == "b/c.py:4"
