"""What scenarios can do with a target, by the verbs that both declare."""

from __future__ import annotations

import functools
from collections.abc import Generator
from typing import Any

from soak.author import Scenario, scenario
from soak.worker.fit import fit, verbs_of
from soak.worker.load import load_target


def story(*, uses: tuple[str, ...] = (), target: str | None = None) -> Scenario:
    """One operation for everybody and one for birds, with a `sometimes` each."""

    @scenario(seconds=1.0, uses=uses, target=target)
    def day(target: Any, rng: Any) -> Generator[None, None, None]:
        yield

    day.sometimes("it walked")
    day.sometimes("it flew", uses=("fly",))

    @day.operation()
    def walk(state: Any, rng: Any) -> None: ...

    @day.operation(uses=("fly",))
    def fly(state: Any, rng: Any) -> None: ...

    return day.freeze()


class Duck:
    @classmethod
    def soak_verbs(cls) -> dict[str, str]:
        return {"walk": "", "fly": ""}


class Hen(Duck):
    @classmethod
    def soak_verbs(cls) -> dict[str, str]:
        return {"walk": "", "fly": "grow wings"}


class Parrot:
    def __init__(self, colour: str) -> None:
        self.colour = colour

    @staticmethod
    def soak_verbs(colour: str) -> dict[str, str]:
        return {"say": colour}


class Stone:
    pass


def test_what_has_every_verb_loses_nothing() -> None:
    """The scenario stays the very same."""
    fitted = fit(story(uses=("walk",)), Duck)
    assert fitted.left == ()
    assert fitted.skip is None
    assert [each.name for each in fitted.scenario.operations] == ["walk", "fly"]
    assert fitted.scenario.waived == frozenset()


def test_an_operation_without_its_verb_is_left_out_by_name() -> None:
    """It goes with its `sometimes`, whose texts keep their places, and the remedy is told."""
    fitted = fit(story(uses=("walk",)), Hen)
    assert [each.name for each in fitted.scenario.operations] == ["walk"]
    assert [(each.operation, each.verb, each.remedy) for each in fitted.left] == [
        ("fly", "fly", "grow wings")
    ]
    assert fitted.scenario.waived == {"it flew"}
    assert fitted.scenario.sometimes == ("it walked", "it flew")


def test_a_scenario_without_its_verbs_is_skipped() -> None:
    """A class that declares nothing is told of glue; one that lacks a verb, how to get it."""
    lacking = fit(story(uses=("fly",)), Hen).skip
    assert lacking is not None
    assert (lacking.reason, lacking.remedy) == ("the target has no fly", "grow wings")
    bare = fit(story(uses=("walk", "fly")), Stone).skip
    assert bare is not None
    assert "Soak your own simulation" in bare.remedy


def test_what_cannot_be_known_is_not_judged() -> None:
    """A function may make anything, and a scenario without `uses` may take anything."""
    assert fit(story(uses=("fly",)), lambda: Hen()).skip is None
    assert fit(story(), Stone).skip is None
    assert fit(story(), Hen).skip is None
    assert fit(story(uses=("fly",)), None).skip is None


def test_soaks_own_scenarios_take_targets_of_their_kind() -> None:
    """A target with verbs is not handed to a scenario for registries, say."""
    registry = story(target="soak.targets.runner_registry:RunnerRegistry")
    skip = fit(registry, Duck).skip
    assert skip is not None
    assert "RunnerRegistry" in skip.reason
    assert fit(registry, Duck).other_kind
    swimmers = fit(story(uses=("swim", "dive"), target="soak.targets.pond:Pond"), Duck)
    assert swimmers.other_kind
    assert not fit(story(uses=("swim", "fly")), Duck).other_kind
    assert fit(registry, Stone).skip is None


def test_a_target_takes_arguments_like_a_url() -> None:
    """They are handed over by name, as text, and the verbs are those of what is called."""
    target = load_target("fractions:Fraction?numerator=3&denominator=4")
    assert isinstance(target, functools.partial)
    assert target.keywords == {"numerator": "3", "denominator": "4"}
    assert verbs_of(functools.partial(Parrot, colour="grey")) == {"say": "grey"}
