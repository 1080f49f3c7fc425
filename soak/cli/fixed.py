"""``soak fixed``: as many clean tries as show that a finding comes less often than before."""

from __future__ import annotations

import json
import re
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from soak.cli.attempt import Attempt, attempt
from soak.cli.exits import SIGNAL_BASE, Exit, MachineProblem, UsageProblem
from soak.cli.recall import check, remember
from soak.cli.session import answer, locked, say
from soak.cli.subject import Stand, Subject, last_rate, require_soaked, stand, subject
from soak.events import to_plain
from soak.findings.finding import Reproducer, Reproduction
from soak.findings.statistics import percent
from soak.findings.store import Store
from soak.supervisor.run import Ending
from soak.triage.fixed import Answer, answer_of, needed, pool, shares
from soak.triage.rates import Rate
from soak.triage.reproduce import Reproduced, plan_of, say_different


@dataclass(frozen=True, slots=True, kw_only=True)
class FixedOptions:
    """The command line of ``soak fixed``."""

    finding: str
    confidence: float = 0.95
    rate: str = ""
    minutes: float | None = None
    python: str = ""
    out: Path = Path(".soak")
    wait: float = 0.0
    db: str = ""
    as_json: bool = False
    quiet: bool = False


def fixed(options: FixedOptions) -> int:
    """Try it on its own seeds; 0 when it is fixed, 1 when it came back, 5 when neither is shown."""
    store = Store(options.out, say=say)
    wanted = subject(options.finding, store)
    require_soaked(wanted)
    assert wanted.filed is not None
    check(options.out, options.db)
    with locked(options.out, options.wait):
        rate = _rate(options.rate) or last_rate(wanted, options.out) or _no_rate(wanted)
        here = stand(wanted, python=options.python, out=options.out, same_code=False)
        places = pool(store, wanted.filed)
        count = needed(rate, options.confidence)
        say(
            f"soak: {wanted.id}: {wanted.title}; {count} clean tries are needed for "
            f"{percent(options.confidence)} %, on {min(count, len(places))} of its own seeds, "
            f"against {rate.in_words()}"
        )
        results, ended_by = _try(options, wanted, here, places, count)
        told = answer_of(rate, options.confidence, results)
        if told.clean and not told.hits:
            store.record_reproduction(wanted.id, Reproduction(t=time.time(), hits=0, tries=told.clean))
        remembered = remember(options.out, options.db)
    _report(told, as_json=options.as_json)
    if ended_by and told.fixed is None:
        return SIGNAL_BASE + ended_by
    return {True: Exit.CLEAN, False: Exit.FINDINGS, None: Exit.UNPROVEN}[told.fixed] or remembered


def _try(
    options: FixedOptions, wanted: Subject, here: Stand, places: tuple[Reproducer, ...], count: int
) -> tuple[list[Reproduced], int]:
    """What the tries brought, and the signal that ended them, 0 for none."""
    results: list[Reproduced] = []
    try:
        for tried in _tries(options, wanted, here, places, count):
            results.append(tried.result)
            if tried.outcome.ending is Ending.INTERRUPTED:
                return results, tried.outcome.signal
    except KeyboardInterrupt:
        # Between two runs nobody listens to signals; what the runs before brought is told all the same.
        return results, signal.SIGINT
    return results, 0


def _tries(
    options: FixedOptions, wanted: Subject, here: Stand, places: tuple[Reproducer, ...], count: int
) -> Iterator[Attempt]:
    """The tries of each place, until the first hit."""
    until = time.monotonic() + 60 * options.minutes if options.minutes is not None else None
    for known, share in zip(places, shares(count, len(places)), strict=True):
        left = None if until is None else (until - time.monotonic()) / 60
        if not share or (left is not None and left <= 0):
            return
        plan = plan_of(
            wanted.kind,
            known,
            here.entry,
            tries=share,
            out=options.out,
            python=here.python,
            minutes=left,
        )
        tried = attempt(
            plan, wanted.id, here.interpreter, quiet=options.quiet, enough=lambda so_far: so_far.hits > 0
        )
        match tried.outcome.ending:
            case Ending.CANNOT_START:
                raise UsageProblem(tried.outcome.problem)
            case Ending.DISK:
                raise MachineProblem(tried.outcome.problem)
        yield tried
        if tried.result.hits:
            return


def _rate(text: str) -> Rate | None:
    """What --rate says."""
    if not text:
        return None
    match = re.fullmatch(r"(\d+)/(\d+)", text)
    if match is None or not 0 < int(match[1]) <= int(match[2]):
        raise UsageProblem(f"--rate: expected HITS/TRIES like 7/20, with a hit at least, got {text!r}")
    return Rate(hits=int(match[1]), tries=int(match[2]), source="given")


def _no_rate(wanted: Subject) -> Rate:
    raise UsageProblem(
        f"{wanted.id}: nobody has measured how often it comes: run `soak repro {wanted.id}` on the commit "
        "that has it, or say how often it came with --rate HITS/TRIES"
    )


def _report(told: Answer, *, as_json: bool) -> None:
    words = "\n".join([told.in_words(), *say_different(told.different)])
    if as_json:
        answer(json.dumps(to_plain(told) | {"fixed": told.fixed}, indent=2))
        say(words)
    else:
        answer(words)
