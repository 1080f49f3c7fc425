"""The commands that take up one finding: bring it back, say if it is fixed and since when, shrink it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from soak.cli.options import HERE, OUT, RECIPE, Confidence, Db, Json, Out, Perturb, Python, Quiet, Wait


def add_to(app: typer.Typer) -> None:
    """Make them commands of ``app``."""
    for command in (repro, fixed, bisect, triage, shrink):
        app.command()(command)


def repro(
    finding: Annotated[str, typer.Argument(help="A finding's name, or the beginning of it.")],
    count: Annotated[
        int | None, typer.Option("--count", "-n", min=1, metavar="N", help="How often to try (20).")
    ] = None,
    until_hit: Annotated[
        bool, typer.Option("--until-hit", help="Try until it came back once; as often as it takes.")
    ] = False,
    gdb: Annotated[
        bool, typer.Option("--gdb", help="Stop at the crash in gdb, with Python frames; at most N tries.")
    ] = False,
    python: Annotated[str, typer.Option("--python", help="Try another environment.")] = "",
    scenario: Annotated[
        str,
        typer.Option(
            "--scenario",
            metavar="NAME|FILE::NAME",
            help="As a report says it: without the findings of --out.",
            rich_help_panel=RECIPE,
        ),
    ] = "",
    seed: Annotated[int | None, typer.Option("--seed", metavar="S", rich_help_panel=RECIPE)] = None,
    iteration: Annotated[
        int | None, typer.Option("--iteration", min=0, metavar="I", rich_help_panel=RECIPE)
    ] = None,
    first: Annotated[
        int | None,
        typer.Option("--from", min=0, metavar="I", help="Where its worker began.", rich_help_panel=RECIPE),
    ] = None,
    target: Annotated[
        str | None, typer.Option("--target", metavar="MODULE:ATTR", rich_help_panel=RECIPE)
    ] = None,
    perturb: Annotated[Perturb | None, typer.Option("--perturb", rich_help_panel=RECIPE)] = None,
    guard_malloc: Annotated[bool | None, typer.Option("--guard-malloc", rich_help_panel=RECIPE)] = None,
    hang_after: Annotated[
        float | None, typer.Option("--hang-after", min=0.1, metavar="S", rich_help_panel=RECIPE)
    ] = None,
    env: Annotated[
        list[str] | None, typer.Option("--env", metavar="NAME=VALUE", rich_help_panel=RECIPE)
    ] = None,
    as_of: Annotated[
        str,
        typer.Option(
            "--as-of",
            metavar="SOAK/FILE/COMMIT/FOLDER",
            help="What it was seen with.",
            rich_help_panel=RECIPE,
        ),
    ] = "",
    out: Out = OUT,
    wait: Wait = 0.0,
    db: Db = "",
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Bring a finding back: its scenario, seed, target and perturbation again, N times in fresh workers."""
    from soak.cli.repro import ReproOptions, repro
    from soak.cli.subject import Given

    given = Given(
        scenario=scenario,
        seed=seed,
        iteration=iteration,
        first_iteration=first,
        target=target,
        perturb=perturb.value if perturb else None,
        guard_malloc=guard_malloc,
        hang_after=hang_after,
        env=tuple(env or ()),
        as_of=as_of,
    )
    options = ReproOptions(
        finding=finding,
        count=count,
        until_hit=until_hit,
        gdb=gdb,
        python=python,
        given=given,
        out=out,
        wait=wait,
        db=db,
        as_json=as_json,
        quiet=quiet,
    )
    raise typer.Exit(repro(options))


def fixed(
    finding: Annotated[str, typer.Argument(help="A finding's name, or the beginning of it.")],
    confidence: Confidence = 0.95,
    rate: Annotated[
        str,
        typer.Option(
            "--rate", metavar="HITS/TRIES", help="How often it came; as it was last measured without."
        ),
    ] = "",
    minutes: Annotated[
        float | None, typer.Option("--minutes", "-m", min=0.001, metavar="M", help="Try no longer than this.")
    ] = None,
    python: Annotated[str, typer.Option("--python", help="Try another environment.")] = "",
    out: Out = OUT,
    wait: Wait = 0.0,
    db: Db = "",
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Say whether a finding is fixed: 0 yes, 1 no, 5 not shown, and how many clean tries are missing."""
    from soak.cli.fixed import FixedOptions, fixed

    options = FixedOptions(
        finding=finding,
        confidence=confidence,
        rate=rate,
        minutes=minutes,
        python=python,
        out=out,
        wait=wait,
        db=db,
        as_json=as_json,
        quiet=quiet,
    )
    raise typer.Exit(fixed(options))


def bisect(
    finding: Annotated[str, typer.Argument(help="A finding's name, or the beginning of it.")],
    good: Annotated[str, typer.Option("--good", metavar="REV", help="A commit that does not have it.")],
    bad: Annotated[str, typer.Option("--bad", metavar="REV", help="A later one that has it.")] = "HEAD",
    repo: Annotated[
        Path,
        typer.Option("--repo", metavar="DIR", help="The target's checkout; the working directory's without."),
    ] = HERE,
    build: Annotated[
        str, typer.Option("--build", metavar="CMD", help="Run in each commit's checkout before its tries.")
    ] = "",
    confidence: Confidence = 0.95,
    minutes: Annotated[
        float | None, typer.Option("--minutes", "-m", min=0.001, metavar="M", help="Try no longer than this.")
    ] = None,
    python: Python = "",
    out: Out = OUT,
    wait: Wait = 0.0,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Find the commit that brought a finding, though it comes only now and then: 0 found, 5 not sure."""
    from soak.cli.bisect import BisectOptions, bisect

    options = BisectOptions(
        finding=finding,
        good=good,
        bad=bad,
        repo=repo,
        build=build,
        confidence=confidence,
        minutes=minutes,
        python=python,
        out=out,
        wait=wait,
        as_json=as_json,
        quiet=quiet,
    )
    raise typer.Exit(bisect(options))


def triage(
    finding: Annotated[str, typer.Argument(help="A finding's name, or the beginning of it.")],
    after: Annotated[
        list[str] | None,
        typer.Option(
            "--after",
            metavar="SCENARIO",
            help="Run this before, in one process (what the run had before it).",
        ),
    ] = None,
    count: Annotated[
        int, typer.Option("--count", "-n", min=4, metavar="N", help="Tries of each order.")
    ] = 20,
    minutes: Annotated[
        float, typer.Option("--minutes", "-m", min=0.01, metavar="M", help="How long, at most.")
    ] = 10.0,
    out: Out = OUT,
    wait: Wait = 0.0,
    as_json: Json = False,
) -> None:
    """Say whether a finding needs its neighbours: alone, in the suite's order, after its predecessor only."""
    from soak.cli.triage import triage

    raise typer.Exit(
        triage(
            finding,
            after=tuple(after or ()),
            count=count,
            minutes=minutes,
            out=out,
            wait=wait,
            as_json=as_json,
        )
    )


def shrink(
    finding: Annotated[str, typer.Argument(help="A finding's name, or the beginning of it.")],
    minutes: Annotated[
        float, typer.Option("--minutes", "-m", min=0.01, metavar="M", help="How long, at most.")
    ] = 10.0,
    to: Annotated[
        Path | None, typer.Option("--to", metavar="FILE", help="Where to write it (./shrunk_<finding>.py).")
    ] = None,
    out: Out = OUT,
    wait: Wait = 0.0,
    as_json: Json = False,
) -> None:
    """Find the smallest scenario that still shows a finding, and write it as a file that anyone can run."""
    from soak.cli.shrink import shrink

    raise typer.Exit(shrink(finding, minutes=minutes, to=to, out=out, wait=wait, as_json=as_json))
