"""Import scenario files and targets, and say clearly what is wrong with them.

Standard library only.
"""

from __future__ import annotations

import functools
import hashlib
import importlib
import importlib.util
import sys
import traceback
from dataclasses import asdict
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import parse_qsl, urlencode

from soak import narrow
from soak.author import Missing, Ready, Scenario, ScenarioBuilder
from soak.flight import MARKS
from soak.worker.fit import Fit, fit, verbs_of

_HINT = "write one with @soak.scenario(seconds=…) above a generator function (target, rng)"


class LoadError(Exception):
    """The user's mistake: what was expected, what came, what to do."""


def load_scenario(path: str, name: str) -> Scenario:
    """The scenario ``name`` of the file ``path``; with an empty name, the file's only one.

    Raises:
        LoadError: there is no such file or scenario, or the file cannot be imported.
    """
    scenarios = scenarios_in(path)
    if not name and len(scenarios) == 1:
        return scenarios[0]
    for scenario in scenarios:
        if scenario.name == name:
            return scenario
    known = ", ".join(scenario.name for scenario in scenarios)
    raise LoadError(f"{path}: expected a scenario named {name!r}, but it has {known}; name one of these")


narrow.set_loader(load_scenario)


def scenarios_in(path: str) -> tuple[Scenario, ...]:
    """All scenarios of a file, in the order of their definition.

    Raises:
        LoadError: as for :func:`load_scenario`.
    """
    module = _import_file(path)
    found: dict[str, Scenario] = {}
    seen: set[int] = set()
    for value in list(vars(module).values()):
        if id(value) in seen or not isinstance(value, ScenarioBuilder | Scenario):
            continue
        seen.add(id(value))
        scenario = value.freeze() if isinstance(value, ScenarioBuilder) else value
        if scenario.name in found:
            raise LoadError(f"{path}: two scenarios are named {scenario.name!r}; rename one of them")
        _check(path, scenario)
        found[scenario.name] = scenario
    if not found:
        raise LoadError(f"{path}: expected at least one scenario, found none; {_HINT}")
    return tuple(found.values())


def _check(path: str, scenario: Scenario) -> None:
    if len(scenario.sometimes) > MARKS:
        raise LoadError(
            f"{path}: scenario {scenario.name!r} declares {len(scenario.sometimes)} `sometimes`, "
            f"and there is room for {MARKS}; split the scenario"
        )
    pooled = [each for each in scenario.operations if each.threads is None and each.processes is None]
    if pooled and (min(operation.weight for operation in pooled) < 0 or scenario.threads < 1):
        raise LoadError(
            f"{path}: scenario {scenario.name!r} needs weights of at least 0 and a pool of at least 1"
        )
    if pooled and not sum(operation.weight for operation in pooled) > 0:
        raise LoadError(f"{path}: all weights of scenario {scenario.name!r} are 0; give one operation more")


def _import_file(path: str) -> ModuleType:
    file = Path(path).resolve()
    if not file.is_file():
        came = "is a folder" if file.is_dir() else "does not exist"
        raise LoadError(f"{path}: expected a Python file with scenarios, but it {came}; check the path")
    # One module per state of the file, so that a changed file is not confused with what it was.
    tag = hashlib.blake2b(f"{file}:{file.stat().st_mtime_ns}".encode(), digest_size=6).hexdigest()
    name = f"_soak_{file.stem}_{tag}"
    if name in sys.modules:
        return sys.modules[name]
    _make_importable(str(file.parent), last=True)
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise LoadError(f"{path}: expected a Python file, whose name ends in .py; rename it")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except SyntaxError as error:
        del sys.modules[name]
        raise LoadError(f"{error.filename}:{error.lineno}: {error.msg}; correct the file") from error
    except (Exception, SystemExit) as error:
        del sys.modules[name]
        line = _line_in(error, str(file))
        raise LoadError(f"{path}{line}: importing it raised {_said(error)}; see to that first") from error
    return module


def _line_in(error: BaseException, file: str) -> str:
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == file]
    return f":{lines[-1]}" if lines else ""


def _said(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def _make_importable(folder: str, *, last: bool = False) -> None:
    if folder not in sys.path:
        sys.path.insert(len(sys.path) if last else 0, folder)


def load_target(import_string: str) -> Any:
    """The object that ``module:attribute.attribute`` names. The current folder is importable.

    What follows a question mark are arguments, as in a URL: ``module:attribute?path=/x/arm.xml&height=64``
    is called with ``path="/x/arm.xml"`` and ``height="64"``.

    Raises:
        LoadError: the string has another shape, or leads nowhere.
    """
    named, _, arguments = import_string.partition("?")
    module_name, colon, attributes = named.partition(":")
    if not (module_name and colon and attributes):
        raise LoadError(
            f"target {import_string!r}: expected MODULE:ATTRIBUTE, like mypkg.sim:Simulation; "
            "put a colon between the module and the class"
        )
    _make_importable(str(Path.cwd()))
    try:
        found: Any = importlib.import_module(module_name)
    except (Exception, SystemExit) as error:
        raise LoadError(
            f"target {import_string!r}: importing {module_name} raised {_said(error)}; "
            "run from the folder that holds it, or install it where the worker's Python finds it"
        ) from error
    reached = module_name
    for attribute in attributes.split("."):
        try:
            found = getattr(found, attribute)
        except AttributeError:
            near = ", ".join(name for name in dir(found) if not name.startswith("_"))[:300]
            raise LoadError(
                f"target {import_string!r}: {reached} has no {attribute!r}; it has {near or 'nothing'}"
            ) from None
        reached += f".{attribute}"
    if not callable(found):
        raise LoadError(
            f"target {import_string!r}: expected a class or a function that makes the target, "
            f"got {type(found).__name__}"
        )
    return functools.partial(found, **dict(parse_qsl(arguments))) if arguments else found


def load(path: str, name: str, target: str) -> tuple[Scenario, Any]:
    """A scenario and its target: the one named, which the scenario is fitted to, or its own, or None.

    Raises:
        LoadError: as for :func:`load_scenario` and :func:`load_target`, or the two do not fit.
    """
    scenario = load_scenario(path, name)
    if not target:
        return scenario, load_target(scenario.target) if scenario.target else None
    loaded = load_target(target)
    fitted = fit(scenario, loaded)
    if fitted.skip is not None:
        skip = fitted.skip
        raise LoadError(f"{scenario.name} cannot soak {target}: {skip.reason}; {skip.remedy}")
    return fitted.scenario, loaded


def describe(path: str, target: Any = None) -> list[dict[str, Any]]:
    """A file's scenarios as plain values, for `soak list`; ``skip`` says what this machine or the ``target``
    lacks, or is None.

    Raises:
        LoadError: as for :func:`load_scenario`.
    """
    return [_describe(fit(scenario, target)) for scenario in scenarios_in(path)]


def describe_target(import_string: str) -> dict[str, Any]:
    """A target as plain values, for `soak show --target`; ``verbs`` is None where they cannot be known.

    Raises:
        LoadError: as for :func:`load_target`.
    """
    target = load_target(import_string)
    verbs = verbs_of(target)
    return {
        "target": import_string,
        "verbs": None if verbs is None else dict(verbs),
        "smaller": _smaller(import_string, target),
    }


def _smaller(import_string: str, target: Any) -> list[str]:
    """Import strings of the smaller ones that the target offers: ``soak_smaller(**arguments)``, a class or
    static method, returns arguments for each, the smallest first."""
    arguments = target.keywords if isinstance(target, functools.partial) else {}
    offered = getattr(target.func if isinstance(target, functools.partial) else target, "soak_smaller", None)
    if offered is None:
        return []
    named = import_string.partition("?")[0]
    return [f"{named}?{urlencode(changes)}" if changes else named for changes in offered(**arguments)]


def _describe(fitted: Fit) -> dict[str, Any]:
    scenario = fitted.scenario
    env, skip = ({}, fitted.skip) if fitted.skip else judge_needs(scenario)
    return {
        "name": scenario.name,
        "summary": scenario.summary,
        "seconds": scenario.seconds,
        "operations": [operation.name for operation in scenario.operations],
        "nemeses": [nemesis.name for nemesis in scenario.nemeses],
        "threads": {op.name: op.threads or op.processes for op in scenario.operations},
        "pool": scenario.threads,
        "rounds": scenario.rounds,
        "fresh": scenario.fresh,
        "real_exit": scenario.real_exit,
        "hang_after": scenario.hang_after,
        "sometimes": list(scenario.sometimes),
        "waived": sorted(scenario.waived),
        "left": [asdict(left) for left in fitted.left],
        "other_kind": fitted.other_kind,
        "target": scenario.target,
        "skip": None if skip is None else {"reason": skip.reason, "remedy": skip.remedy},
        "env": env,
    }


def judge_needs(scenario: Scenario) -> tuple[dict[str, str], Missing | None]:
    """The environment that the scenario's needs ask for, and the first of them that is not met."""
    env: dict[str, str] = {}
    for need in scenario.needs:
        try:
            answer = need()
        except Exception as error:  # noqa: BLE001 - a need that fails is not met, whatever it raised
            name = getattr(need, "__name__", repr(need))
            return env, Missing(reason=f"{name}() raised {_said(error)}", remedy="mend the need")
        match answer:
            case Missing():
                return env, answer
            case Ready():
                env.update(answer.env)
    return env, None
