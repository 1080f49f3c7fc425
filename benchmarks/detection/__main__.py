"""``python -m benchmarks.detection [KERNEL …]``: how soon a race is found, side by side. See ``--help``."""

from __future__ import annotations

import argparse
import concurrent.futures
import os
import platform
import sys
import time
from collections.abc import Sequence

from benchmarks.detection.contenders import CONTENDERS
from benchmarks.detection.contenders.contender import Contender
from benchmarks.detection.kernels import KERNELS
from benchmarks.detection.score import Score, score
from benchmarks.detection.table import OWN, cell, table, words
from benchmarks.detection.trial import Trial, hold, replay

_SEEDS = 20
_SECONDS = 5.0
#: Seconds for a fresh process to replay the tokens of one kernel.
_REPLAYING = 120.0


def main() -> int:
    """Returns 1 when soak missed a kernel, a token did not replay, or a corrected twin raised an alarm."""
    options = _options()
    contenders = _present(options.only or list(CONTENDERS))
    kernels = options.kernels or list(KERNELS)
    began = time.monotonic()
    pairs = [(CONTENDERS[name], kernel) for kernel in kernels for name in contenders]
    if options.twins:
        pairs = [(contender, kernel) for contender, kernel in pairs if contender.name == OWN]

    def run(pair: tuple[Contender, str]) -> Trial:
        contender, kernel = pair
        return hold(
            contender,
            kernel,
            seeds=range(options.first, options.first + options.seeds),
            seconds=options.seconds,
            twin=options.twins,
        )

    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        trials = []
        for trial in pool.map(run, pairs):
            trials.append(trial)
            print(f"{trial.kernel}  {trial.contender}  {cell(score(trial))}  {trial.note}", file=sys.stderr)
    if options.twins:
        return _tell_alarms(trials)
    scores = [score(trial) for trial in trials]
    seeds = f"seeds {options.first} to {options.first + options.seeds - 1}"
    print(f"CPython {platform.python_version()}, {seeds} in {options.seconds:g} s for each")
    print(f"\n{table(scores)}\n\n{words(scores)}")
    replayed = _tell_replays(trials)
    print(f"{time.monotonic() - began:.0f} s in all")
    return 0 if replayed and _found_all(scores) else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.detection", description="How soon a race is found, side by side."
    )
    parser.add_argument("kernels", nargs="*", metavar="KERNEL", help="all thirty by default")
    parser.add_argument("--only", nargs="+", metavar="NAME", help=f"of {', '.join(CONTENDERS)}")
    parser.add_argument("--seeds", type=int, default=_SEEDS, help="hunts for each contender and kernel")
    parser.add_argument("--first", type=int, default=0, metavar="SEED", help="the first of the seeds")
    parser.add_argument("--seconds", type=float, default=_SECONDS, help="for all of these hunts together")
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)), help="trials at a time")
    parser.add_argument("--twins", action="store_true", help=f"let {OWN} look in the corrected twins instead")
    options = parser.parse_args()
    for given, known in ((options.kernels, KERNELS), (options.only or [], CONTENDERS)):
        unknown = [name for name in given if name not in known]
        if unknown:
            parser.error(f"unknown: {', '.join(unknown)}; expected {', '.join(known)}")
    return options


def _present(names: Sequence[str]) -> list[str]:
    """Those that can take part; of the others, why not."""
    reasons = {name: CONTENDERS[name].missing() for name in names}
    for name, reason in reasons.items():
        if reason:
            print(f"{name}: {reason}", file=sys.stderr)
    return [name for name, reason in reasons.items() if reason is None]


def _tell_replays(trials: Sequence[Trial]) -> bool:
    """Replay each find of soak in a fresh process. Returns whether all came back with their traces."""
    failed = []
    count = 0
    for trial in trials:
        tokens = [hunt.token for hunt in trial.hunts if hunt.found is not None and hunt.token is not None]
        if tokens:
            answers = replay(trial.kernel, tokens, seconds=_REPLAYING)
            count += len(answers)
            failed += [token for token, answer in zip(tokens, answers, strict=True) if not answer]
    if count:
        print(f"- Replayed in a fresh process, with the same trace: {count - len(failed)} of {count} tokens.")
    for token in failed:
        print(f"  not replayed: {token}")
    return not failed


def _tell_alarms(trials: Sequence[Trial]) -> int:
    ran = sum(hunt.schedules for trial in trials for hunt in trial.hunts)
    alarms = [hunt for trial in trials for hunt in trial.hunts if hunt.found is not None]
    print(f"CPython {platform.python_version()}: {len(alarms)} false alarms in {ran} schedules of the twins")
    for hunt in alarms:
        print(f"  {hunt.kernel}: {hunt.found}, {hunt.token}")
    return 1 if alarms else 0


def _found_all(scores: Sequence[Score]) -> bool:
    return all(0 < score.found == score.hunts for score in scores if score.contender == OWN)


if __name__ == "__main__":
    sys.exit(main())
