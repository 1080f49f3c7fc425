"""The Typer application. Commands import what they need when they are called: ``soak --help`` stays quick."""

from __future__ import annotations

import enum
from pathlib import Path
from typing import Annotated

import typer

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


class Perturb(enum.StrEnum):
    """How hard the target's threads are jittered."""

    NONE = "none"
    LIGHT = "light"
    HEAVY = "heavy"


Out = Annotated[Path, typer.Option("--out", help="Where findings and runs are kept.")]
Python = Annotated[str, typer.Option("--python", help="Run workers with this Python interpreter.")]
Target = Annotated[
    str,
    typer.Option("--target", metavar="MODULE:ATTR", help="Soak this instead of the scenario's own target."),
]
HangAfter = Annotated[
    float | None,
    typer.Option("--hang-after", min=0.1, metavar="S", help="Seconds without progress that are a hang [10]."),
]
PerturbOption = Annotated[
    Perturb, typer.Option("--perturb", help="Seeded jitter at line events of the target's files.")
]
Json = Annotated[
    bool, typer.Option("--json", help="One JSON document on stdout; words for people on stderr.")
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Only the closing report.")]
Wait = Annotated[
    float,
    typer.Option("--wait", min=0.0, metavar="S", help="Wait so long for another run in the same --out."),
]

_OUT = Path(".soak")


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
        float | None, typer.Option("--minutes", "-m", min=0.001, metavar="M", help="How long to run [1].")
    ] = None,
    count: Annotated[
        int | None, typer.Option("--count", "-n", min=1, metavar="N", help="Iterations of each scenario.")
    ] = None,
    until_fail: Annotated[bool, typer.Option("--until-fail", help="End at the first finding.")] = False,
    jobs: Annotated[
        int | None, typer.Option("--jobs", "-j", min=1, metavar="J", help="Workers at once [one per core].")
    ] = None,
    seed: Annotated[
        int | None, typer.Option("--seed", metavar="S", help="Decides every choice [drawn anew].")
    ] = None,
    target: Target = "",
    python: Python = "",
    out: Out = _OUT,
    hang_after: HangAfter = None,
    perturb: PerturbOption = Perturb.LIGHT,
    guard_malloc: Annotated[
        bool, typer.Option("--guard-malloc", help="Put guard pages around MuJoCo's allocations.")
    ] = False,
    wait: Wait = 0.0,
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
        guard_malloc=guard_malloc,
        wait=wait,
        as_json=as_json,
        quiet=quiet,
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
    out: Out = _OUT,
    as_json: Json = False,
) -> None:
    """Show a finding with its newest evidence, all findings in short without a name, or a --target."""
    if target or finding == "target":
        from soak.cli.show_target import show_target

        raise typer.Exit(show_target(target, python=python, as_json=as_json))
    from soak.cli.show import show

    raise typer.Exit(show(finding, out=out, as_json=as_json))


@app.command()
def repro(
    finding: Annotated[str, typer.Argument(help="A finding's name, or the beginning of it.")],
    count: Annotated[int, typer.Option("--count", "-n", min=1, metavar="N", help="How often to try.")] = 20,
    python: Annotated[str, typer.Option("--python", help="Try another environment.")] = "",
    out: Out = _OUT,
    wait: Wait = 0.0,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Bring a finding back: its scenario, seed, target and perturbation again, N times in fresh workers."""
    from soak.cli.repro import repro

    raise typer.Exit(
        repro(finding, count=count, python=python, out=out, wait=wait, as_json=as_json, quiet=quiet)
    )


@app.command()
def explore(
    function: Annotated[
        str, typer.Argument(metavar="FILE::FUNCTION", help="A function that starts threads and asserts.")
    ],
    switch_at: Annotated[
        list[str] | None,
        typer.Option("--switch-at", metavar="PATH", help="Files, folders or modules to switch in [FILE]."),
    ] = None,
    schedules: Annotated[int, typer.Option("--schedules", "-n", min=1, metavar="N", help="At most.")] = 500,
    seed: Annotated[int, typer.Option("--seed", metavar="S", help="Decides every choice.")] = 0,
    token: Annotated[str, typer.Option("--token", help="Replay this one schedule instead.")] = "",
    python: Python = "",
    out: Out = _OUT,
    hang_after: Annotated[
        float, typer.Option("--hang-after", min=0.1, metavar="S", help="Seconds without a new schedule.")
    ] = 60.0,
    wait: Wait = 0.0,
    as_json: Json = False,
) -> None:
    """Search the schedules of a function's threads for one that fails; shrink, tell and replay it."""
    from soak.cli.explore import explore

    raise typer.Exit(
        explore(
            function,
            switch_at=tuple(switch_at or ()),
            schedules=schedules,
            seed=seed,
            token=token,
            python=python,
            out=out,
            hang_after=hang_after,
            wait=wait,
            as_json=as_json,
        )
    )


@app.command()
def report(
    run: Annotated[
        str, typer.Argument(help="A run's name, or the beginning of it; the newest by default.")
    ] = "",
    out: Out = _OUT,
    as_json: Json = False,
) -> None:
    """Print a run's closing report again, from its event stream; runs that were killed have one too."""
    from soak.cli.report import report

    raise typer.Exit(report(run, out=out, as_json=as_json))


@app.command()
def doctor(python: Python = "", out: Out = _OUT, as_json: Json = False) -> None:
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
    out: Out = _OUT,
    as_json: Json = False,
) -> None:
    """Prove that soak still smells smoke: planted defects must be found, correct targets pass."""
    from soak.cli.canary import canary

    raise typer.Exit(canary(tuple(names or ()), tries=tries, clean=clean, out=out, as_json=as_json))
