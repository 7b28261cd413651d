"""The wheel: what the image runs is in it, and works without the repository."""

import ast
import os
import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]


def run(*command: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *command],
        cwd=cwd,
        env={**os.environ, "NO_COLOR": "1", **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The unpacked wheel, built without the network."""
    folder = tmp_path_factory.mktemp("wheel")
    built = run("-m", "hatchling", "build", "-t", "wheel", "-d", str(folder), cwd=ROOT)
    assert built.returncode == 0, built.stderr
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def console_script(installed: Path, *arguments: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `tokenry` as an installer would have set it up."""
    (metadata,) = installed.glob("*.dist-info/entry_points.txt")
    name, _, value = metadata.read_text().splitlines()[1].partition(" = ")
    assert name == "tokenry"
    entry = EntryPoint(name, value, "console_scripts")
    script = f"import sys; sys.argv[0] = 'tokenry'; from {entry.module} import {entry.attr} as main; sys.exit(main())"
    return run("-P", "-c", script, *arguments, cwd=cwd, PYTHONPATH=str(installed), **environment)


def test_the_command_runs_from_the_repository() -> None:
    answer = run("-m", "app", "--help", cwd=ROOT)
    assert answer.returncode == 0, answer.stderr
    assert {"serve", "migrate", "sandbox", "healthcheck"} <= set(answer.stdout.split())


def test_the_command_runs_from_the_wheel(installed: Path, tmp_path: Path) -> None:
    answer = console_script(installed, "--help", cwd=tmp_path)
    assert answer.returncode == 0, answer.stderr
    assert {"serve", "migrate", "sandbox", "healthcheck"} <= set(answer.stdout.split())


def test_what_is_imported_on_every_machine_is_required_on_every_machine() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    markers = {requirement.name: requirement.marker for requirement in map(Requirement, project["dependencies"])}
    tops = {
        alias.name if isinstance(node, ast.Import) else node.module or ""
        for path in (ROOT / "app").rglob("*.py")
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    assert {"uvloop", "uvicorn.protocols.http.httptools_impl"} <= tops, "neither runs without POSIX and CPython"
    assert (markers["uvloop"], markers["httptools"]) == (None, None)
    assert {"Operating System :: POSIX", "Programming Language :: Python :: Implementation :: CPython"} <= set(project["classifiers"])
    assert "Operating System :: OS Independent" not in project["classifiers"]


def test_the_wheel_holds_the_whole_house(installed: Path) -> None:
    homes = {"app": "app", "migrations": "app/_migrations"}
    wanted = {
        f"{there}/{path.relative_to(ROOT / here).as_posix()}"
        for here, there in homes.items()
        for path in (ROOT / here).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert any(name.startswith("app/_migrations/versions/") for name in wanted)
    assert {name for name in wanted if not (installed / name).is_file()} == set()
    (record,) = installed.glob("*.dist-info/RECORD")
    assert "__pycache__" not in record.read_text()


def test_the_wheel_brings_its_migrations(installed: Path, tmp_path: Path) -> None:
    answer = console_script(installed, "migrate", cwd=tmp_path, TOKENRY_DATABASE_URL=f"sqlite:///{tmp_path / 'tokenry.db'}")
    assert answer.returncode == 0, answer.stderr
    assert (tmp_path / "tokenry.db").stat().st_size > 0


@pytest.mark.security("LG-16")
def test_the_wheel_knows_the_most_used_passwords(installed: Path, tmp_path: Path) -> None:
    program = "from app.core.passwords import password_problem as problem; print(problem('baseball') is not None, problem('k4f,rT)w'))"
    answer = run("-P", "-c", program, cwd=tmp_path, PYTHONPATH=str(installed))
    assert answer.stdout == "True None\n", answer.stderr
