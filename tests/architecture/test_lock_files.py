"""The lock files: complete, within the declared ranges, by hash, and free of addresses. Nothing is fetched."""

import json
import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[2]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())
LOCKS = ["requirements.txt", "requirements-dev.txt", "requirements-uv.txt"]

PIN = re.compile(r"(?P<name>[a-z0-9-]+)==(?P<version>[^\s;]+)(?: ; (?P<marker>[^\\]+))? \\")
HASH = re.compile(r"    --hash=sha256:[0-9a-f]{64}(?P<more> \\)?")
ORIGIN = r"(?:[a-z0-9-]+(?: \(pyproject\.toml(?::[a-z]+)?\))?|-c requirements\.txt)"
ANNOTATION = re.compile(rf"    # via(?: {ORIGIN})?|    #   {ORIGIN}")


@dataclass
class Pin:
    version: Version
    marker: str | None
    hashes: int = 0


def read(lock: str) -> dict[str, Pin]:
    """Return the pins of a lock file by name; a line that is neither pin nor hash nor origin fails the test."""
    pins: dict[str, Pin] = {}
    pin: Pin | None = None
    expects_hash = False
    for number, line in enumerate((ROOT / lock).read_text().splitlines(), start=1):
        if expects_hash:
            match = HASH.fullmatch(line)
            assert match is not None, f"{lock}:{number}: not a hash: {line}"
            assert pin is not None
            pin.hashes += 1
            expects_hash = match["more"] is not None
        elif (match := PIN.fullmatch(line)) is not None:
            assert match["name"] not in pins, f"{lock}:{number}: pinned twice"
            pin = pins[match["name"]] = Pin(Version(match["version"]), match["marker"])
            expects_hash = True
        else:
            assert ANNOTATION.fullmatch(line), f"{lock}:{number}: neither pin nor hash nor origin: {line}"
    return pins


def outside(requirements: Iterable[str], pins: dict[str, Pin]) -> list[str]:
    """Return the requirements that no pin satisfies."""
    parsed = [Requirement(requirement) for requirement in requirements]
    return [
        str(requirement)
        for requirement in parsed
        if (pin := pins.get(canonicalize_name(requirement.name))) is None or pin.version not in requirement.specifier
    ]


@pytest.mark.security("SU-01")
@pytest.mark.parametrize("lock", LOCKS)
def test_every_line_is_a_pin_with_its_hashes_and_holds_no_address(lock: str) -> None:
    pins = read(lock)
    assert pins
    assert all(pin.hashes >= 1 for pin in pins.values())
    assert not re.search(r"://|--(?:extra-)?index|--find-links|file:|@", (ROOT / lock).read_text())


@pytest.mark.security("SU-01")
def test_every_package_of_the_javascript_clients_is_pinned_by_its_hash_and_by_no_address() -> None:
    folder = ROOT / "tests" / "clients" / "node"
    declared = json.loads((folder / "package.json").read_text())["dependencies"]
    packages = json.loads((folder / "package-lock.json").read_text())["packages"]
    assert packages.pop("")["dependencies"] == declared
    assert {name: packages[f"node_modules/{name}"]["version"] for name in declared} == declared
    assert all(package["integrity"].startswith("sha512-") and "resolved" not in package for package in packages.values())


@pytest.mark.parametrize(
    ("lock", "requirements"),
    [
        ("requirements.txt", PROJECT["project"]["dependencies"]),
        ("requirements-dev.txt", PROJECT["project"]["dependencies"]),
        ("requirements-dev.txt", PROJECT["dependency-groups"]["test"] + PROJECT["dependency-groups"]["lint"]),
        ("requirements-uv.txt", PROJECT["dependency-groups"]["installer"]),
    ],
    ids=["runtime", "runtime in dev", "dev", "installer"],
)
def test_every_declared_requirement_is_pinned_within_its_range(lock: str, requirements: list[str]) -> None:
    assert outside(requirements, read(lock)) == []


def test_the_tests_run_on_the_versions_that_are_deployed() -> None:
    deployed, tested = read("requirements.txt"), read("requirements-dev.txt")
    assert {name: pin.version for name, pin in deployed.items()} == {name: tested[name].version for name in deployed}
    here = {name: pin for name, pin in tested.items() if pin.marker is None or Marker(pin.marker).evaluate()}
    assert {name: str(pin.version) for name, pin in here.items()} == {name: version(name) for name in here}


@pytest.mark.security("SU-02")
@pytest.mark.parametrize(
    "floor",
    [
        "authlib>=1.9.9",
        "cryptography>=45",
        "h11>=0.16",
        "joserfc>=1.8",
        "python-multipart>=0.0.34",
        "starlette>=1.10",
    ],
)
def test_a_known_hole_is_outside_what_may_be_installed(floor: str) -> None:
    required = Requirement(floor)
    declared = {
        requirement.name: requirement
        for requirement in map(Requirement, PROJECT["project"]["dependencies"])  # also what a wheel asks its installer for
    }[required.name]
    (lowest,) = (Version(part.version) for part in declared.specifier if part.operator == ">=")
    assert lowest in required.specifier
    assert outside([floor], read("requirements.txt")) == []


def test_every_requirement_names_its_role() -> None:
    text = (ROOT / "pyproject.toml").read_text()
    lists = re.findall(r"^(?:dependencies|test|lint|installer) = \[\n(.*?)^\]", text, flags=re.DOTALL | re.MULTILINE)
    lines = [line for block in lists for line in block.splitlines()]
    assert len(lines) == sum(map(len, [PROJECT["project"]["dependencies"], *PROJECT["dependency-groups"].values()]))
    assert [line for line in lines if not re.fullmatch(r'  "[^"]+", +# .+', line)] == []
