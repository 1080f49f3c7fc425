"""The questions of a triage and their answers, by made-up chains: no process runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from soak.triage.bench import Count
from soak.triage.chain import Chains, Link, say_chain, say_numbers
from soak.triage.examination import Examination
from soak.triage.transfer import Transfer

TRIES = 20


class MadeUp(Chains):
    """Every try after a chain has what ``answer`` says: True for the finding, False for none."""

    def __init__(self, answer: Callable[[tuple[Link, ...], int], Count | bool]) -> None:
        self._answer = answer
        self.asked: list[tuple[Link, ...]] = []

    def count(
        self,
        chain: Sequence[Link],
        iteration: int,
        *,
        tries: int,
        seconds: float,
        enough: Callable[[Count], bool] = lambda _count: False,
    ) -> Count:
        self.asked.append(tuple(chain))
        answer = self._answer(tuple(chain), iteration)
        if isinstance(answer, Count):
            return answer
        return Count(hits=tries * answer, tries=tries)


def own(*numbers: int) -> list[Link]:
    return [Link("story", number) for number in numbers]


def examined(
    answer: Callable[[tuple[Link, ...], int], Count | bool],
    before: list[Link],
    others: list[Link] | None = None,
    left: float = 1e6,
) -> tuple[Transfer, MadeUp]:
    """What the triage of iteration 9 says."""
    chains = MadeUp(answer)
    examination = Examination("story", chains, tries=TRIES, left=lambda _share: left, tell=lambda _text: None)
    return examination.examine(9, before, others or []), chains


def test_what_comes_alone_needs_nothing() -> None:
    """20 of 20: nothing could be more, so nothing else is asked."""
    transfer, chains = examined(lambda _chain, _iteration: True, own(7, 8))
    assert chains.asked == [()]
    assert transfer.in_words().startswith("alone 20/20 → it needs nothing before it")
    assert transfer.came


def test_the_predecessor_alone_may_be_enough() -> None:
    """The chain is one link; it is not asked for again."""
    transfer, chains = examined(lambda chain, _iteration: Link("story", 8) in chain, own(6, 7, 8))
    assert chains.asked == [(), tuple(own(6, 7, 8)), tuple(own(8))]
    assert transfer.in_words().splitlines()[0] == (
        "alone 0/20, after its own iteration 8 20/20 → state leaks from its own earlier iteration"
    )
    assert transfer.document()["leaks_from"] == ["story"]


def test_the_shortest_chain_is_found_among_all_before() -> None:
    """Two of six, not next to one another."""
    needed = set(own(4, 7))
    transfer, _ = examined(lambda chain, _iteration: needed <= set(chain), own(3, 4, 5, 6, 7, 8))
    assert transfer.shortest is not None
    assert transfer.shortest.chain == tuple(own(4, 7))
    assert "shortest chain that was found: its own iterations 4 and 7" in transfer.in_words()


def test_another_scenario_is_found_where_its_own_past_is_innocent() -> None:
    """Its own order first, then with the others before it in one process."""
    others = [Link("calm", 0), Link("calm", 1), Link("start_stop", 0)]
    transfer, _ = examined(lambda chain, _iteration: others[2] in chain, own(8), others)
    assert transfer.in_words().splitlines()[0] == (
        "alone 0/20, after start_stop (iteration 0) 20/20 → state leaks from start_stop"
    )


def test_what_never_comes_was_not_brought_back() -> None:
    """0 of 20 in every order."""
    transfer, _ = examined(lambda _chain, _iteration: False, own(8))
    assert not transfer.came
    assert "it was not brought back" in transfer.in_words()


def test_a_little_more_is_chance() -> None:
    """6 of 20 against 3 of 20 is no sign."""
    transfer, _ = examined(lambda chain, _iteration: Count(hits=6 if chain else 3, tries=20), own(7, 8))
    assert transfer.shortest is None
    assert "no sign that it needs anything before it" in transfer.in_words()


def test_what_comes_sooner_is_asked_about_where_it_comes() -> None:
    """Iteration 9 is hardly reached, for 7 has it already: so 7, after 5 and 6."""

    def answer(chain: tuple[Link, ...], iteration: int) -> Count | bool:
        if iteration == 9:
            return Count(tries=1, sooner=19, sooner_at=7) if chain else False
        return Link("story", 5) in chain

    transfer, _ = examined(answer, own(5, 6, 7, 8))
    assert transfer.alone.iteration == 7
    assert transfer.shortest is not None
    assert transfer.shortest.chain == tuple(own(5))


def test_without_time_the_order_itself_is_the_answer() -> None:
    """And it is said that more time might make it clearer."""
    transfer, _ = examined(lambda chain, _iteration: len(chain) == 3, own(6, 7, 8), left=0.0)
    assert transfer.shortest is not None
    assert transfer.shortest.chain == tuple(own(6, 7, 8))
    assert "with more --minutes" in transfer.in_words()


def test_chains_are_told_in_few_words() -> None:
    """Runs of numbers as such; a scenario's own iterations as its own."""
    assert say_numbers([4]) == "4"
    assert say_numbers([0, 1, 2]) == "0–2"
    assert say_numbers([0, 3, 4, 5, 9]) == "0, 3–5 and 9"
    chain = [Link("start_stop", 0), Link("start_stop", 1), *own(4, 6)]
    assert say_chain(chain, "story") == "start_stop (iterations 0, 1), its own iterations 4 and 6"
