"""Ten readers decide while runners are swapped under them, swaps fail, runners hang, and registries end."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import soak
from soak.targets import policies, runner_sources
from soak.targets.runner_words import RunnerFailed, RunnerSource, Stage
from soak.targets.swap_promises import (
    CALL_WITHIN,
    CLOSED,
    KEEPS_OLD,
    NO_RUNNER,
    NONE_LEFT,
    ONCE,
    ONE_LIVE,
    STOP_IS_TRUE,
    Swaps,
    look_out,
    nothing_lives,
)

if TYPE_CHECKING:
    from soak.targets.runner import PolicyRunner

#: Keys that everybody reloads, one that nobody reloads, one with runners that hang, one of a single thread.
SHARED, QUIET, STUCK, OWN = ("left", "right"), "quiet", "stuck", "own"
READ = (*SHARED, *SHARED, QUIET, STUCK)

#: Seconds for what takes milliseconds, and for what is not going to happen.
SURELY, IN_VAIN = 60.0, 0.02

BEGINS = "a key without a runner can be started"
RELOADS = "a key that nobody else changes can be reloaded"
NAMES_STUCK = "a stop says so where the runner's thread does not end"
WAITS_FOR_STUCK = "a key is not reloaded again while the runner before lives on"
NEW_TO_STOPPED = "a runner that was stopped is never started"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hall:
    """An iteration's registry with its callers' memory, and threads that help to race."""

    make_registry: Callable[..., Any]
    swaps: Swaps
    helpers: ThreadPoolExecutor
    stuck: list[policies.NeverReturns] = field(default_factory=list)
    mine: threading.local = field(default_factory=threading.local)


@soak.scenario(seconds=2.5, target="soak.targets.runner_registry:RunnerRegistry")
def hot_swap(target: Any, rng: random.Random) -> Generator[Hall, None, None]:
    """Running policies are swapped: readers always find one, never a stopped one, and never wait for a swap.

    Reloads fail in each stage; policies are slow, raise, ask the registry themselves, and hang in their stop;
    registries are closed against starts.
    """
    swaps = Swaps(target)
    with ThreadPoolExecutor(4, thread_name_prefix="helper") as helpers:
        hall = Hall(make_registry=target, swaps=swaps, helpers=helpers)
        for key in (*SHARED, QUIET, STUCK):
            runner = swaps.start(key, swaps.source(runner_sources.good()))
            soak.always(not isinstance(runner, soak.Refused), BEGINS, key=key, refusal=str(runner))
        yield hall
        for policy in hall.stuck:
            policy.release()
        swaps.stop_all(SURELY)


same_key = hot_swap.sometimes("a get met a reload of its key")
other_key = hot_swap.sometimes("a get met a reload of another key")
overtaken = hot_swap.sometimes("a runner was stopped between get and decision")
stale = hot_swap.sometimes("a runner that is long gone was asked for a decision")
failed = hot_swap.sometimes("a decision failed with its policy")
stages = {stage: hot_swap.sometimes(f"a reload failed to {stage.value}") for stage in Stage}
busy = hot_swap.sometimes("a runner was superseded in the middle of a decision")
two_writers = hot_swap.sometimes("a reload met another one of its key")
overlap = hot_swap.sometimes("two runners of a key lived, and one was declared to leave")
asked_again = hot_swap.sometimes("a policy asked the registry in its decision")
listened = hot_swap.sometimes("a listener asked the registry about a change")
hung = hot_swap.sometimes("a runner hung in its stop, and was named")
beside = hot_swap.sometimes("a get returned while a runner hung in its stop")
kept = hot_swap.sometimes("a reload that failed left the same runner")
met_start = hot_swap.sometimes("a stop_all met a start")
shut_out = hot_swap.sometimes("a start was refused because of stop_all")
swept = hot_swap.sometimes("stop_all stopped what had just been started")
orders = {
    order: hot_swap.sometimes(f"a runner met {order}")
    for order in ("stop before start", "two stops", "two stops at once", "start after stop", "its own stop")
}


@hot_swap.operation(threads=10)
def read(hall: Hall, rng: random.Random) -> object:
    """Get a runner, several times, and have it decide; now and then one that was handed out long ago."""
    swaps, key = hall.swaps, rng.choice(READ)
    runner = None
    for _ in range(rng.randint(1, 8)):
        under_way = swaps.under_way
        runner = swaps.get(key)
        same_key(key in under_way)
        other_key(under_way - {key})
    if runner is None:
        return None
    held: PolicyRunner = getattr(hall.mine, "held", runner)
    if rng.random() < 0.1:
        hall.mine.held = runner
    asked = held if rng.random() < 0.1 else runner
    stale(asked.is_gone())
    try:
        outcome = swaps.decide(asked, timeout=IN_VAIN if key == STUCK else 2.0)
    except policies.PolicyFailed:
        failed()
        return None
    overtaken(asked is runner and isinstance(outcome, soak.Refused) and "stopped" in outcome.because)
    return outcome


def draw(hall: Hall, rng: random.Random) -> RunnerSource:
    """A source of any kind but stuck: half of them good ones with policies of all sorts."""
    if rng.random() < 0.3:
        return hall.swaps.source(runner_sources.failing(rng.choice(tuple(Stage))))
    made = rng.choice((policies.mock, policies.sinusoid, policies.slow, policies.raising))
    takes = rng.choice((0.0, 0.0, rng.uniform(0.0, 0.03)))
    curious: Callable[[], object] | None = None
    if rng.random() < 0.5:
        key = rng.choice((*SHARED, QUIET))

        def curious() -> object:
            return hall.swaps.get(key)

    return hall.swaps.source(runner_sources.good(made, takes=takes), curious)


@hot_swap.operation(threads=2)
def reload(hall: Hall, rng: random.Random) -> object:
    """Swap a shared runner, or fail to."""
    swaps, key = hall.swaps, rng.choice(SHARED)
    contended = key in swaps.under_way
    changes = swaps.changes
    try:
        outcome = swaps.reload(key, draw(hall, rng), timeout=SURELY)
    except RunnerFailed as error:
        stages[error.stage]()
        return None
    finally:
        time.sleep(rng.choice((0.0, rng.uniform(0.0, 0.004))))
    if isinstance(outcome, soak.Refused):
        two_writers(contended)
        return outcome
    soak.always(outcome.stop.gone, "a runner whose policy returns can be stopped", stop=outcome.stop)
    asked_again(look_out(outcome.superseded).asked)
    listened(swaps.changes > changes)
    return outcome


@hot_swap.operation(threads=1)
def hang(hall: Hall, rng: random.Random) -> None:
    """A runner hangs in its stop: it is superseded all the same, and nobody but its stopper waits for it."""
    swaps, policy = hall.swaps, policies.never_returns()
    hall.stuck.append(policy)
    first = swaps.reload(STUCK, swaps.source(runner_sources.good(lambda: policy)), timeout=SURELY)
    if isinstance(first, soak.Refused):
        soak.always(False, RELOADS, refusal=str(first))
        return
    policy.entered.wait(SURELY)
    busy(look_out(first.runner).inside)
    if rng.random() < 0.5:
        wait_in_vain(hall, rng)
        policy.release()
    else:
        get_meanwhile(hall, first.runner, policy)
    soak.always(first.runner.wait_gone(SURELY), STOP_IS_TRUE, runner=first.runner)
    look_out(first.runner).over = True
    time.sleep(rng.uniform(0.0, 0.02))


def wait_in_vain(hall: Hall, rng: random.Random) -> None:
    """The stop gives up, and says so; another reload has to wait until the runner is gone."""
    swaps, good = hall.swaps, hall.swaps.source(runner_sources.good())
    reloaded = swaps.reload(STUCK, good, timeout=rng.choice((IN_VAIN, 0.0, 0.1)))
    if isinstance(reloaded, soak.Refused):
        soak.always(False, RELOADS, refusal=str(reloaded))
        return
    soak.always(not reloaded.stop.gone, NAMES_STUCK, reply=reloaded.stop)
    hung(not reloaded.stop.gone)
    again = swaps.reload(STUCK, good, timeout=IN_VAIN)
    soak.always(isinstance(again, soak.Refused), WAITS_FOR_STUCK, answer=again)


def get_meanwhile(hall: Hall, old: PolicyRunner, policy: policies.NeverReturns) -> None:
    """The stop lasts until the gets have returned: if these wait for it, then for ever."""
    swaps, good = hall.swaps, hall.swaps.source(runner_sources.good())
    stopper = hall.helpers.submit(swaps.reload, STUCK, good, SURELY)
    while old.stop_asked_at is None and not (stopper.done() or soak.stopping()):
        time.sleep(0.0005)
    for key in (STUCK, QUIET, SHARED[0]):
        swaps.get(key)
    beside(old.stop_asked_at is not None and not stopper.done())
    policy.release()
    reloaded = stopper.result()
    soak.always(not isinstance(reloaded, soak.Refused), RELOADS, refusal=str(reloaded))


@hot_swap.operation(threads=1)
def alone(hall: Hall, rng: random.Random) -> None:
    """One thread has a key for itself: every reply is known beforehand."""
    swaps, registry = hall.swaps, hall.swaps.registry
    soak.always(swaps.get(OWN, may_be_none=True) is None, NO_RUNNER)
    runner = swaps.start(OWN, swaps.source(runner_sources.good()))
    if isinstance(runner, soak.Refused):
        soak.always(False, BEGINS, refusal=str(runner))
        return
    try:
        swaps.reload(OWN, swaps.source(runner_sources.failing(rng.choice(tuple(Stage)))))
    except RunnerFailed:
        same = registry.get(OWN) is runner and runner.is_live()
        soak.always(same, KEEPS_OLD, before=runner, now=registry.get(OWN))
        soak.always(not isinstance(swaps.decide(runner, SURELY), soak.Refused), KEEPS_OLD, before=runner)
        kept(same)
    stop = registry.stop(OWN, SURELY)
    gone = not isinstance(stop, soak.Refused) and stop.gone and runner.is_gone()
    soak.always(gone, STOP_IS_TRUE, reply=stop, runner=runner)
    time.sleep(rng.uniform(0.0, 0.01))


# -- a runner's life out of order --------------------------------------------------------------------------


@hot_swap.operation(threads=1)
def out_of_order(hall: Hall, rng: random.Random) -> None:
    """Stop before start, two stops, start after stop: each returns in time, and leaves no thread."""
    order = rng.choice(tuple(orders))
    runners: list[PolicyRunner] = []
    itself = (lambda: runners[0].stop(SURELY)) if order == "its own stop" else None
    runner = hall.make_registry().make(OWN, hall.swaps.source(runner_sources.good(), itself))
    runners.append(runner)
    if order != "stop before start":
        with hall.swaps.timed("start or stop", CALL_WITHIN):
            runner.start()
    match order:
        case "two stops":
            stop_in_time(hall, runner)
        case "two stops at once":
            other = hall.helpers.submit(stop_in_time, hall, runner)
            stop_in_time(hall, runner)
            other.result()
        case "its own stop":
            runner.decide(SURELY)
            runner.wait_gone(SURELY)
    stop_in_time(hall, runner)
    with hall.swaps.timed("start or stop", CALL_WITHIN):
        refusal = runner.start()
    soak.always(isinstance(refusal, soak.Refused) and runner.is_gone(), NEW_TO_STOPPED, runner=runner)
    orders[order]()
    time.sleep(rng.uniform(0.0, 0.01))


def stop_in_time(hall: Hall, runner: PolicyRunner) -> None:
    """Stop a runner whose policy returns at once."""
    with hall.swaps.timed("start or stop", CALL_WITHIN):
        reply = runner.stop(SURELY)
    soak.always(reply.gone and runner.is_gone(), STOP_IS_TRUE, reply=reply, runner=runner)


# -- the end of a registry ---------------------------------------------------------------------------------


@dataclass(slots=True, kw_only=True)
class Ended:
    """A registry that comes to its end, and whether that end has come, for those who start meanwhile."""

    registry: Any
    ended: bool = False
    first_began: bool = False


@hot_swap.operation(threads=1)
def end(hall: Hall, rng: random.Random) -> None:
    """stop_all against starts and reloads: what is started before is stopped, what comes later is refused."""
    house = Ended(registry=hall.make_registry())
    calls = [hall.helpers.submit(begin, house, key) for key in SHARED]
    while not (house.first_began or soak.stopping()):
        time.sleep(0.0)
    time.sleep(rng.choice((0.0, rng.uniform(0.0, 0.008))))
    with hall.swaps.timed("stop_all", CALL_WITHIN):
        reply = house.registry.stop_all(SURELY)
    house.ended = True
    starting = not all(call.done() for call in calls)
    met_start(starting)
    soak.always(not reply.still_running, "stop_all stops every runner whose policy returns", reply=reply)
    for call in calls:
        begun, late = call.result()
        shut_out(late)
        swept(begun)
        soak.always(all(runner.is_gone() for runner in begun), NONE_LEFT, begun=begun)
    nothing_lives(house.registry)
    soak.always(house.registry.get(SHARED[0]) is None, NO_RUNNER)
    time.sleep(rng.uniform(0.0, 0.01))


def begin(house: Ended, key: str) -> tuple[list[PolicyRunner], bool]:
    """Start and reload ``key`` until it is refused; returns the runners, and whether it was refused."""
    begun: list[PolicyRunner] = []
    source = runner_sources.good()
    house.first_began = True
    for _ in range(4):
        ended = house.ended
        outcome = house.registry.reload(key, source) if begun else house.registry.start(key, source)
        if isinstance(outcome, soak.Refused):
            return begun, True
        soak.always(not ended, CLOSED, key=key, outcome=outcome)
        begun.append(outcome.runner if begun else outcome)
    return begun, False


# -- at any time, and in the end ---------------------------------------------------------------------------


@hot_swap.invariant(ONE_LIVE, every=0.004)
def one_live(hall: Hall) -> bool:
    overlap(hall.swaps.look())
    return True


@hot_swap.invariant("calls return in bounded time", every=0.005)
def in_time(hall: Hall) -> bool:
    return hall.swaps.pace.tick()


@hot_swap.check(NONE_LEFT)
def none_left(hall: Hall) -> bool:
    return hall.swaps.stop_all(SURELY)


@hot_swap.check(ONCE)
def stopped_once(hall: Hall) -> bool:
    return hall.swaps.stopped_once()
