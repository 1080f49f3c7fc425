"""As soon as a policy is done, in whatever way, the very next mutation is accepted."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import soak
from soak.targets import policies
from soak.targets.mujoco_runs import Policy, PolicyRun
from soak.targets.promises import TABLE_AGREES, Dealings, Seen
from soak.targets.protocol import simulation

if TYPE_CHECKING:
    from soak.targets.mujoco_sim import MujocoSim

HOST, OTHER, GUEST = "left", "right", "visitor"

OVER = soak.guarantee("a policy that is done is in nobody's way")
ACCEPTED = OVER.promise("the very next mutation after a policy is done is accepted")
STARTS = OVER.promise("a robot whose policy is done can be started again")
NOTHING_LINGERS = OVER.promise("nothing of a policy lingers once it is done")
REMOVED = "a robot can be removed together with its policy"
RELOADED = "a scene can be loaded over running policies that are to be stopped"
#: Seconds for what takes milliseconds; more than that is the watcher's business, not this scenario's.
SURELY = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """An iteration's engine. ``starter`` is the thread that starts and stops; another one mutates."""

    sim: MujocoSim
    dealings: Dealings
    starter: ThreadPoolExecutor


@soak.scenario(
    seconds=5.0,
    rounds=6,
    target="soak.targets.mujoco_sim:MujocoSim",
    uses=("start", "stop", "running", "mutations", "close"),
)
def mutate_after_done(target: Any, rng: random.Random) -> Generator[Bench, None, None]:
    """The very next mutation after a policy's end is accepted: ran out, stopped, failed, removed.

    The mutating thread hammers from before the end until after it, so that its next call comes at once. The
    iterations are short: what every one of them leaves behind adds up quickly.
    """
    sim = simulation(target)
    with ThreadPoolExecutor(1, thread_name_prefix="starter") as starter:
        yield Bench(sim=sim, dealings=Dealings(sim), starter=starter)
        sim.close()


across = mutate_after_done.sometimes("mutations were refused right before the end and accepted right after")
marks = {
    way: mutate_after_done.sometimes(f"a mutation came right after a policy {way}", uses=uses)
    for way, uses in {
        "ran out of steps": (),
        "ran out of seconds": (),
        "raised": (),
        "was stopped": (),
        "blocked its caller": ("run",),
        "raised in its caller": ("run",),
        "was removed with its robot": ("remove",),
        "ended with its scene": ("reload", "second_robot"),
    }.items()
}
called_back = mutate_after_done.sometimes(
    "a mutation came from the callback of a policy that is done", uses=("future",)
)


def hammer(bench: Bench, rng: random.Random, done: Callable[[], bool]) -> Seen | None:
    """Mutate until ``done``, and once more: that one is accepted. None where the iteration ends before."""
    before = 0
    while not soak.stopping():
        over = done()
        mutation = rng.choice(bench.sim.mutations)
        seen = bench.dealings.mutate(mutation, rng, HOST)
        if over:
            soak.always(seen.outcome is None, ACCEPTED, verb=mutation.name, refusal=str(seen.outcome))
            across(before)
            return seen
        before += seen.outcome is not None
    return None


def start(bench: Bench, robot: str, policy: Policy, **length: Any) -> PolicyRun | None:
    """Start a policy from the starting thread; nothing else runs, hence it is accepted."""
    outcome = bench.starter.submit(bench.dealings.start, robot, policy, **length).result()
    if isinstance(outcome, soak.Refused):
        soak.always(False, STARTS, robot=robot, refusal=str(outcome))
        return None
    return outcome


def lingers_nothing(bench: Bench) -> None:
    """Every run is done: the table is empty, and a new start passes."""
    sim = bench.sim
    running, live = sim.running(), sim.live_workers()
    soak.always(not running and not live, NOTHING_LINGERS, table=running, workers=live)
    run = start(bench, HOST, policies.mock(), steps=1)
    if run is not None:
        run.wait(SURELY)


def finish(bench: Bench, rng: random.Random, done: Callable[[], bool], way: str) -> None:
    if hammer(bench, rng, done) is not None:
        marks[way]()
        lingers_nothing(bench)


@mutate_after_done.operation(weight=2.0)
def by_itself(bench: Bench, rng: random.Random) -> None:
    """The policy uses up its steps or its seconds, or raises."""
    way = rng.choice(("ran out of steps", "ran out of seconds", "raised"))
    match way:
        case "ran out of steps":
            run = start(bench, HOST, policies.mock(), steps=rng.randint(1, 8))
        case "ran out of seconds":
            run = start(bench, HOST, policies.sinusoid(), seconds=rng.uniform(0.0, 0.008))
        case _:
            run = start(bench, HOST, policies.raising(after=rng.randint(0, 8)), steps=100)
    if run is not None:
        finish(bench, rng, run.done, way)


@mutate_after_done.operation()
def stopped(bench: Bench, rng: random.Random) -> None:
    """The policies of one robot or of two are stopped by the thread that started them."""
    there = bench.sim.robots()
    robots = [robot for robot in rng.choice(((HOST,), (HOST, OTHER))) if robot in there]
    runs = [run for robot in robots if (run := start(bench, robot, policies.mock(), seconds=SURELY))]
    pause = rng.choice((0.0, rng.uniform(0.0, 0.005)))

    def stop_all() -> None:
        time.sleep(pause)
        for run in runs:
            bench.dealings.stop(run.robot, run, timeout=SURELY)

    bench.starter.submit(stop_all)
    finish(bench, rng, lambda: all(run.done() for run in runs), "was stopped")


@mutate_after_done.operation(uses=("run",))
def blocking(bench: Bench, rng: random.Random) -> None:
    """A policy that blocks another thread runs out or raises."""
    way = rng.choice(("blocked its caller", "raised in its caller"))
    raises = way == "raised in its caller"
    policy = policies.raising(after=rng.randint(0, 5)) if raises else policies.mock()
    call = bench.starter.submit(bench.dealings.run, HOST, policy, steps=8)
    finish(bench, rng, call.done, way)
    # The iteration may end before the call has begun; it would start its policy while the check looks.
    wait([call])


@mutate_after_done.operation(uses=("remove",))
def removed(bench: Bench, rng: random.Random) -> None:
    """A robot is removed while its policy runs, and comes back as if nothing had been."""
    sim = bench.sim
    if GUEST not in sim.robots() and sim.add_robot(GUEST, [-1.5, 0.0, 0.0]) is not None:
        return
    run = start(bench, GUEST, policies.mock(), seconds=SURELY)
    call = bench.starter.submit(bench.dealings.remove, GUEST, timeout=SURELY)
    finish(bench, rng, call.done, "was removed with its robot")
    outcome = call.result()
    # The hammering may have loaded another scene between the policy's end and the removal.
    gone = outcome is None or outcome.robot is None
    soak.always(gone and GUEST not in sim.robots(), REMOVED, refusal=str(outcome))
    soak.always(run is None or run.done(), REMOVED, run=run)


@mutate_after_done.operation(uses=("reload", "second_robot"))
def reloaded(bench: Bench, rng: random.Random) -> None:
    """Another scene is loaded while policies run on both robots."""
    for robot in (HOST, OTHER):
        start(bench, robot, policies.mock(), seconds=SURELY)
    scene = rng.choice(("two_arms", "workbench"))
    call: Future[Any] = bench.starter.submit(bench.sim.load_scene, scene, stop=True, timeout=SURELY)
    finish(bench, rng, call.done, "ended with its scene")
    soak.always(call.result() is None, RELOADED, refusal=str(call.result()))


@mutate_after_done.operation(uses=("future",))
def in_the_callback(bench: Bench, rng: random.Random) -> None:
    """The future itself says that it is done: no mutation can come sooner."""
    run = start(bench, HOST, policies.mock(), steps=rng.randint(1, 5))
    called = threading.Event()
    mutation = rng.choice(bench.sim.mutations)

    def mutate(future: object) -> None:
        seen = bench.dealings.mutate(mutation, rng, HOST)
        soak.always(seen.outcome is None, ACCEPTED, verb=mutation.name, refusal=str(seen.outcome))
        called_back()
        called.set()

    if run is not None:
        run.future.add_done_callback(mutate)
        called.wait(SURELY)
        lingers_nothing(bench)


@mutate_after_done.check(TABLE_AGREES)
def agrees(bench: Bench) -> bool:
    return bench.dealings.stop_all()
