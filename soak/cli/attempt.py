"""What `repro`, `fixed`, `bisect` and `shrink` share: tries of a plan, and how often a finding came."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from soak.cli.session import Outcome, execute
from soak.events import Sighted
from soak.report.fold import Progress
from soak.report.views import views_for
from soak.supervisor.interpreter import Interpreter
from soak.supervisor.machine import environment
from soak.supervisor.plan import Plan
from soak.supervisor.run import View
from soak.triage.reproduce import Reproduced, Tally


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """What the tries brought, and how the run that made them ended."""

    result: Reproduced
    outcome: Outcome


def attempt(
    plan: Plan,
    finding: str,
    interpreter: Interpreter,
    *,
    quiet: bool,
    enough: Callable[[Reproduced], bool] = lambda _so_far: False,
    named: Callable[[Sighted], Collection[str]] = lambda _sighted: (),
) -> Attempt:
    """Run ``plan``, whose workers are tries, and count those that showed ``finding`` (its whole id).

    It ends when ``plan.count`` tries were made, ``plan.minutes`` are over, or ``enough`` is true of the count
    so far, which it is asked after each try; say ``lambda so_far: so_far.hits > 0`` to end at the first hit.
    ``named`` gives the names that a sighting has where ``finding`` comes from.
    Whatever is found is filed below ``plan.out``, which the caller has locked. The caller brings a plan with
    a ``span``, as :func:`soak.triage.reproduce.plan_for` makes it, and looks at ``outcome.ending``: after
    ``CANNOT_START``, ``DISK`` or ``INTERRUPTED`` the count is not what was asked for.

    Shared by several commands: its arguments and its result only grow.

    Raises:
        MachineProblem: the folder cannot be written.
    """
    tally = Tally(finding, enough, named)

    def views(progress: Progress) -> Sequence[View]:
        return [tally, *views_for(progress, quiet=quiet, terminal=sys.stderr.isatty())]

    outcome = execute(
        plan,
        interpreter,
        argv=sys.argv[1:],
        environment=environment(interpreter.executable),
        views=views,
        enough=lambda: tally.has_enough,
    )
    return Attempt(result=tally.result(), outcome=outcome)
