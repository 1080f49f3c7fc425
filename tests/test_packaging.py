"""What is shipped: the built-in scenarios travel in wheel and sdist, and are found from everywhere."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

import soak
from soak import catalogue
from tests.cli.command import ROOT

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("hatchling") is None or importlib.util.find_spec("build") is None,
    reason="building needs the packages build and hatchling in this environment",
)


def checkout_names() -> list[str]:
    """The names of this checkout's scenario files."""
    return sorted(path.stem for path in (ROOT / "scenarios").glob("[!_]*.py"))


STORY = """
import soak

@soak.scenario(seconds=5.0, rounds=1)
def story(target, rng):
    yield

@story.operation(threads=1)
def work(state, rng):
    soak.always(False, "nothing is broken")
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """Both distributions of this checkout."""

    wheel: Path
    sdist: Path


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """Built once, offline, with the build backend of this environment."""
    folder = tmp_path_factory.mktemp("dist")
    run([sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(ROOT)], folder)
    (wheel,) = folder.glob("*.whl")
    (sdist,) = folder.glob("*.tar.gz")
    return Built(wheel=wheel, sdist=sdist)


def run(
    words: list[str], cwd: Path, *, check: bool = True, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run a command without the checkout on its path."""
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    inherited |= {"PIP_NO_CACHE_DIR": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    done = subprocess.run(
        words,
        cwd=cwd,
        env=inherited | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert not check or done.returncode == 0, done.stdout + done.stderr
    return done


def environment_in(folder: Path) -> Path:
    """The interpreter of a new environment without soak, which sees this one's dependencies."""
    run([sys.executable, "-m", "venv", "--without-pip", str(folder)], folder.parent)
    (site,) = folder.glob("lib/python*/site-packages")
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return folder / "bin" / "python"


@pytest.fixture(scope="module")
def installed(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of an environment with the wheel in it; the dependencies are this one's."""
    folder = tmp_path_factory.mktemp("installed")
    python = environment_in(folder)
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet"]
    run([*pip, "--no-deps", "--no-index", str(built.wheel)], folder)
    return python


def names_listed(text: str) -> list[str]:
    return sorted(line.split()[0] for line in text.splitlines())


def test_the_wheel_holds_the_scenarios_and_no_tests(built: Built) -> None:
    """Every scenario inside the package, the marker for type checkers, one command; nothing else on top."""
    with zipfile.ZipFile(built.wheel) as wheel:
        names = wheel.namelist()
        entry_points = next(name for name in names if name.endswith("entry_points.txt"))
        assert "soak = soak.cli:main" in wheel.read(entry_points).decode()
    assert [name for name in checkout_names() if f"soak/scenarios/{name}.py" not in names] == []
    assert "soak/py.typed" in names
    assert {name.split("/")[0] for name in names} == {"soak", f"soak_harness-{soak.__version__}.dist-info"}
    assert not [name for name in names if "tests" in name.split("/") or Path(name).name.startswith("test_")]
    assert not [name for name in names if "__pycache__" in name]


def test_the_installed_wheel_finds_its_scenarios(installed: Path, tmp_path: Path) -> None:
    """`soak list` of the installed command: the same names as in the checkout, from inside the package."""
    listed = run([str(installed.parent / "soak"), "list"], tmp_path)
    assert set(checkout_names()) <= set(names_listed(listed.stdout))
    code = "import soak, soak.catalogue; print(soak.__file__); print(soak.catalogue.built_in_folder())"
    package, folder = run([str(installed), "-c", code], tmp_path).stdout.splitlines()
    assert Path(package).is_relative_to(installed.parent.parent)
    assert Path(folder) == Path(package).parent / "scenarios"


def test_the_installed_command_runs_soak(installed: Path, tmp_path: Path) -> None:
    """`soak --version`, `python -m soak --help`, and a run with a finding."""
    soak_command = str(installed.parent / "soak")
    assert run([soak_command, "--version"], tmp_path).stdout == f"soak {soak.__version__}\n"
    assert "repro" in run([str(installed), "-m", "soak", "--help"], tmp_path).stdout
    story = tmp_path / "story.py"
    story.write_text(STORY)
    done = run([soak_command, "run", str(story), "--count", "2"], tmp_path, check=False)
    assert done.returncode == 1, done.stderr
    assert "nothing is broken" in done.stdout


def test_the_installed_soak_reaches_another_environment(installed: Path, tmp_path: Path) -> None:
    """--python from an installed soak: the other environment sees soak, and not our site-packages."""
    run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "bare")], tmp_path)
    story = tmp_path / "story.py"
    story.write_text(
        STORY.replace("    soak.always(False, ", "    import importlib.util\n    soak.always(not ").replace(
            '"nothing is broken")', 'importlib.util.find_spec("typer"), "nothing is broken")'
        )
    )
    words = [str(installed), "-m", "soak", "run", str(story), "--count", "1"]
    done = run([*words, "--python", str(tmp_path / "bare" / "bin" / "python")], tmp_path, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_sdist_is_a_checkout(built: Built, tmp_path: Path) -> None:
    """Unpacked: scenarios at the top, where people look, tests beside them, and all found from there."""
    with tarfile.open(built.sdist) as sdist:
        sdist.extractall(tmp_path, filter="data")
    (top,) = tmp_path.iterdir()
    assert sorted(path.stem for path in (top / "scenarios").glob("[!_]*.py")) == checkout_names()
    for name in ("README.md", "Makefile", "pyproject.toml", "tests/conftest.py", ".ci/run"):
        assert (top / name).is_file(), name
    listed = run([sys.executable, "-m", "soak", "list"], tmp_path, PYTHONPATH=str(top))
    assert set(checkout_names()) <= set(names_listed(listed.stdout))


def test_the_checkout_finds_its_scenarios() -> None:
    """The folder at the top, by the names of its files; private files are none."""
    assert sorted(catalogue.built_in_files()) == checkout_names()
    assert {"mutation_storm", "start_stop"} <= set(checkout_names())


def test_an_editable_install_finds_the_checkouts_scenarios(tmp_path: Path) -> None:
    """`make test` installs this checkout so: soak is imported from it, and so are its scenarios."""
    code = "import soak.catalogue as c; print(c.built_in_folder())"
    done = run([sys.executable, "-c", code], tmp_path, check=False)
    if "No module named 'soak'" in done.stderr:
        pytest.skip("soak is not installed in this environment")
    assert done.stdout.strip() == str(ROOT / "scenarios")
