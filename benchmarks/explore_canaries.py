"""How soon `soak explore` finds the planted defects that are races of threads, and whether tokens replay.

Each canary is explored by its own scenario, as the command line does it: a process for soak, one for the
schedules. The scenarios' correct targets are explored as well, and have to stay silent.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

from benchmarks.row import Bench, Row, at_worst, row
from benchmarks.soaking import soak_json
from soak.canaries.canary import Canary
from soak.canaries.catalogue import CANARIES

#: Races of threads: of the rest, leaks add up slowly, processes and signals are under no schedule's control,
#: interpreters have locks of their own, and what crashes or hangs by itself needs no search.
RACES = (
    *("no_guard", "guard_then_act", "registered_late", "blind_to_blocking", "lost_stop", "early_answer"),
    *("double_start", "close_without_join", "swap_in_two_steps", "removal_deadlock", "stale_after_raise"),
    *("cached_guard", "impatient_stop", "unordered_starts"),
    *("stop_under_lock", "wait_under_lock", "removed_during_swap", "never_stopped", "no_closed_flag"),
    *("failure_forgets", "handed_out_stopped"),
    *("shared_world", "shared_noise", "python_deadlock"),
)
CORRECT = (
    "mutation_storm",
    "start_stop",
    "mutate_after_done",
    "close_while_running",
    "guard_history",
    "hot_swap",
)
FOUND_WITHIN_S = 60.0
SCHEDULES = 5_000
REPLAYS = 2
#: Schedules of each correct target, in short and with --long.
SILENT, SILENT_LONG = 200, 2_000
#: Bounds on a hang: of a search, and of a correct target's schedules.
_LIMIT_S, _SILENT_LIMIT_S = 300.0, 1800.0


def measure(bench: Bench) -> list[Row]:
    """One search of each canary, its replays, and schedules of the correct targets."""
    canaries = [canary for canary in CANARIES if canary.name in RACES]
    searched, first, total, replayed, slow = [], [], [], [], []
    for canary in canaries:
        try:
            record, seconds = soak_json(bench.folder / canary.name, _words(canary), limit=_LIMIT_S)
        except subprocess.TimeoutExpired:
            slow.append(f"{canary.name} not found in {_LIMIT_S:.0f} s")
            continue
        if not record["found"]:
            slow.append(f"{canary.name} not found in {record['schedules']} schedules")
            continue
        searched.append(record["seconds"] - record["shrinking"])
        first.append(float(record["first"]))
        total.append(seconds)
        hits = _replay(bench.folder / canary.name, record["findings"][0])
        replayed.append(hits == REPLAYS)
        if seconds > FOUND_WITHIN_S or hits != REPLAYS:
            slow.append(f"{canary.name}: {seconds:.0f} s, {hits} of {REPLAYS} replays")
    found = f"{len(total)} of {len(canaries)} found"
    said = f"{found}; {'; '.join(slow)}" if slow else found
    silent = [_silent(bench, name) for name in CORRECT]
    alarms = sum(found for found, _ in silent)
    return [
        at_worst("exploring a canary to the finding, shrunk", total, FOUND_WITHIN_S, "s", note=said),
        row("the same, to the first schedule that failed", searched, "s"),
        row("the same, in schedules", first, "schedules"),
        row(
            f"tokens of {len(replayed)} canaries that brought the finding back {REPLAYS} times of {REPLAYS}",
            [100 * sum(replayed) / max(1, len(replayed))],
            "%",
            target="= 100 %",
            ok=bool(replayed) and all(replayed) and len(total) == len(canaries),
        ),
        row(
            f"findings in {_silent_schedules(bench)} schedules of each of {len(CORRECT)} correct targets",
            [float(alarms)],
            "",
            target="= 0",
            ok=not alarms,
        ),
        row("schedules of these in a second", [pace for _, pace in silent], "/s"),
    ]


def _words(canary: Canary) -> list[str]:
    target = ["--target", canary.target] if canary.target else []
    return ["explore", canary.scenario, *target, "--schedules", str(SCHEDULES)]


def _silent(bench: Bench, scenario: str) -> tuple[int, float]:
    """Findings on a correct target, and schedules in a second."""
    schedules = _silent_schedules(bench)
    words = ["explore", scenario, "-n", str(schedules)]
    record, _ = soak_json(bench.folder / f"correct-{scenario}", words, limit=_SILENT_LIMIT_S)
    return len(record.get("findings", ())), record["schedules"] / record["seconds"]


def _silent_schedules(bench: Bench) -> int:
    return SILENT_LONG if bench.long else SILENT


def _replay(out: Path, finding: str) -> int:
    record, _ = soak_json(out, ["repro", finding, "--count", str(REPLAYS)], limit=_LIMIT_S)
    return int(record["hits"])
