"""The Typer application. Commands import what they need when they are called: ``soak --help`` stays quick."""

from __future__ import annotations

from typing import Annotated

import typer

from soak.cli import app_triage
from soak.cli.options import (
    OUT,
    Db,
    FailOn,
    HangAfter,
    Json,
    Out,
    Perturb,
    PerturbOption,
    Python,
    Quiet,
    Retain,
    Target,
    Wait,
)
from soak.events import Isolation

app = typer.Typer(
    name="soak",
    help="Hunt crashes, hangs, leaks and broken promises in code that drives a simulator from threads.",
    epilog="Exit codes: 0 clean, 1 findings, 2 usage, 3 soak's own fault, 4 the machine cannot run it, "
    "5 unproven, 75 another run holds the lock, 128+n ended by signal n.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(value: bool) -> None:
    if value:
        import soak

        typer.echo(f"soak {soak.__version__}")
        raise typer.Exit


@app.callback()
def soak(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """What stands before the commands: the application's own help says it all."""


@app.command()
def run(
    scenarios: Annotated[
        list[str] | None, typer.Argument(help="Names or files of scenarios; all built-in ones by default.")
    ] = None,
    minutes: Annotated[
        float | None, typer.Option("--minutes", "-m", min=0.001, metavar="M", help="How long to run (1).")
    ] = None,
    count: Annotated[
        int | None, typer.Option("--count", "-n", min=1, metavar="N", help="Iterations of each scenario.")
    ] = None,
    until_fail: Annotated[bool, typer.Option("--until-fail", help="End at the first finding.")] = False,
    jobs: Annotated[
        int | None, typer.Option("--jobs", "-j", min=1, metavar="J", help="Workers at once (one per core).")
    ] = None,
    seed: Annotated[
        int | None, typer.Option("--seed", metavar="S", help="Decides every choice (drawn anew).")
    ] = None,
    target: Target = "",
    python: Python = "",
    out: Out = OUT,
    hang_after: HangAfter = None,
    perturb: PerturbOption = Perturb.LIGHT,
    isolation: Annotated[
        Isolation,
        typer.Option("--isolation", help="What has a fresh process: each iteration, or a run's worker."),
    ] = Isolation.RUN,
    guard_malloc: Annotated[
        bool, typer.Option("--guard-malloc", help="Put guard pages around MuJoCo's allocations.")
    ] = False,
    fail_on: Annotated[
        FailOn, typer.Option("--fail-on", help="Fail on new findings, on new or worse ones, on any.")
    ] = FailOn.ANY,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume", help="Carry on an interrupted or killed run: the newest, or the one named instead."
        ),
    ] = False,
    wait: Wait = 0.0,
    db: Db = "",
    retain: Retain = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Soak scenarios until the budget is spent; keep and name what is found."""
    from soak.cli.run import RunOptions, run

    options = RunOptions(
        scenarios=tuple(scenarios or ()),
        minutes=minutes,
        count=count,
        until_fail=until_fail,
        jobs=jobs,
        seed=seed,
        target=target,
        python=python,
        out=out,
        hang_after=hang_after,
        perturb=perturb.value,
        isolation=isolation,
        guard_malloc=guard_malloc,
        fail_on=fail_on.value,
        wait=wait,
        db=db,
        retain=tuple(retain or ()),
        as_json=as_json,
        quiet=quiet,
        resume=resume,
    )
    raise typer.Exit(run(options))


@app.command("list")
def list_(python: Python = "", as_json: Json = False) -> None:
    """List the scenarios, built-in and installed."""
    from soak.cli.list import list_scenarios

    raise typer.Exit(list_scenarios(python=python, as_json=as_json))


@app.command()
def show(
    finding: Annotated[
        str, typer.Argument(help="A finding's name, or the beginning of it; or the word target.")
    ] = "",
    target: Annotated[
        str,
        typer.Option(
            "--target", metavar="MODULE:ATTR", help="Show this target's verbs and scenarios instead."
        ),
    ] = "",
    python: Python = "",
    out: Out = OUT,
    db: Db = "",
    as_json: Json = False,
) -> None:
    """Show a finding with its newest evidence, all findings in short without a name, or a --target."""
    if target or finding == "target":
        from soak.cli.show_target import show_target

        raise typer.Exit(show_target(target, python=python, as_json=as_json))
    from soak.cli.show import show

    raise typer.Exit(show(finding, out=out, db=db, as_json=as_json))


app_triage.add_to(app)


@app.command()
def explore(
    what: Annotated[
        str,
        typer.Argument(
            metavar="SCENARIO",
            help="A built-in name, a file, FILE::NAME; or a FILE::FUNCTION that starts threads and asserts.",
        ),
    ],
    target: Target = "",
    switch_at: Annotated[
        list[str] | None,
        typer.Option(
            "--switch-at", metavar="PATH", help="Files, folders or modules to switch in (the target's)."
        ),
    ] = None,
    schedules: Annotated[
        int | None,
        typer.Option("--schedules", "-n", min=1, metavar="N", help="At most (1000; of a function 500)."),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", metavar="S", help="Decides every choice.")] = 0,
    token: Annotated[str, typer.Option("--token", help="Replay this one schedule instead.")] = "",
    steps: Annotated[
        int | None,
        typer.Option("--steps", min=1, metavar="N", help="Points of a schedule (20000; a scenario's 60000)."),
    ] = None,
    stall: Annotated[
        float | None,
        typer.Option("--stall", min=0.1, metavar="S", help="Seconds that nothing may move in one (10)."),
    ] = None,
    python: Python = "",
    out: Out = OUT,
    hang_after: Annotated[
        float, typer.Option("--hang-after", min=0.1, metavar="S", help="Seconds without a new schedule.")
    ] = 60.0,
    soak: Annotated[
        float,
        typer.Option(
            "--soak",
            min=0.0,
            metavar="S",
            help="Seconds of a soak that takes over where threads cannot be controlled; 0: none.",
        ),
    ] = 30.0,
    confirm: Annotated[
        int,
        typer.Option(
            "--confirm",
            min=0,
            metavar="N",
            help="Have native calls that overlap meet for real, N times or until it crashes; 0: not.",
        ),
    ] = 10,
    wait: Wait = 0.0,
    db: Db = "",
    as_json: Json = False,
) -> None:
    """Search the schedules of a scenario's or function's threads for one that fails; shrink, tell, replay."""
    from soak.cli.explore import ExploreOptions, explore

    raise typer.Exit(
        explore(
            ExploreOptions(
                what=what,
                target=target,
                switch_at=tuple(switch_at or ()),
                schedules=schedules,
                seed=seed,
                token=token,
                steps=steps,
                stall=stall,
                python=python,
                out=out,
                hang_after=hang_after,
                wait=wait,
                db=db,
                soak=soak,
                confirm=confirm,
                as_json=as_json,
            )
        )
    )


@app.command()
def report(
    run: Annotated[
        str, typer.Argument(help="A run's name, or the beginning of it; the newest by default.")
    ] = "",
    out: Out = OUT,
    db: Db = "",
    as_json: Json = False,
) -> None:
    """Print a run's closing report again, from its event stream; runs that were killed have one too."""
    from soak.cli.report import report

    raise typer.Exit(report(run, out=out, db=db, as_json=as_json))


@app.command()
def accept(
    finding: Annotated[
        str, typer.Argument(help="A finding's name, or the beginning of it; all accepted ones by default.")
    ] = "",
    because: Annotated[
        str | None, typer.Option("--because", metavar="TEXT", help="Why it is to be silent.")
    ] = None,
    undo: Annotated[bool, typer.Option("--undo", help="Accept it no more.")] = False,
    out: Out = OUT,
    wait: Wait = 0.0,
    db: Db = "",
    as_json: Json = False,
) -> None:
    """Silence a finding from now on, for a reason; without a finding, list what was accepted."""
    from soak.cli.accept import accept

    raise typer.Exit(accept(finding, because=because, undo=undo, out=out, wait=wait, db=db, as_json=as_json))


@app.command()
def history(
    finding: Annotated[
        str, typer.Argument(help="A finding's name, or the beginning of it: its rate in each night.")
    ] = "",
    last: Annotated[int, typer.Option("--last", "-n", min=1, metavar="N", help="So many nights.")] = 30,
    out: Out = OUT,
    db: Db = "",
    as_json: Json = False,
) -> None:
    """The nights, oldest first: what each did, found and proved; or one finding's rate in each of them."""
    from soak.cli.history import history

    raise typer.Exit(history(finding, last=last, out=out, db=db, as_json=as_json))


@app.command()
def prune(
    retain: Retain = None,
    out: Out = OUT,
    db: Db = "",
    wait: Wait = 0.0,
    as_json: Json = False,
) -> None:
    """Take away the oldest run folders and occurrences; what they told is remembered."""
    from soak.cli.prune import prune_command

    raise typer.Exit(prune_command(tuple(retain or ()), out=out, db=db, wait=wait, as_json=as_json))


@app.command()
def doctor(python: Python = "", out: Out = OUT, as_json: Json = False) -> None:
    """Say what this machine can do for soak, and what would help."""
    from soak.cli.doctor import doctor

    raise typer.Exit(doctor(python=python, out=out, as_json=as_json))


@app.command()
def canary(
    names: Annotated[
        list[str] | None, typer.Argument(help="Canaries to try; all of them by default.")
    ] = None,
    tries: Annotated[int, typer.Option("--tries", "-n", min=1, metavar="N", help="How often each.")] = 1,
    clean: Annotated[
        float, typer.Option("--clean", min=0.0, metavar="S", help="Seconds on each correct target.")
    ] = 10.0,
    out: Out = OUT,
    as_json: Json = False,
) -> None:
    """Prove that soak still smells smoke: planted defects must be found, correct targets pass."""
    from soak.cli.canary import canary

    raise typer.Exit(canary(tuple(names or ()), tries=tries, clean=clean, out=out, as_json=as_json))
