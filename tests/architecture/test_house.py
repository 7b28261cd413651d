"""Rules of the house that are no import contract: those stand in pyproject.toml and run with `make lint`."""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
APP = ROOT / "app"

# Words of partners and of their documents. What the code calls a shop is their store_id or kdt_id.
VENDOR_WORDS = re.compile(
    r"youzan|fantem|rageframe|hexcloud|kdt_?id|store_?id|third_party|authorize_platform|always_http_200"
    r"|open[_ -]platform|alexa|aligenie|有赞|合阔"
    r"|(?-i:\bHex\b)",  # in lower and upper case it is a number format
    re.IGNORECASE,
)
MAY_NAME_VENDORS = (APP / "dialects", APP / "sandbox")


def modules(room: Path) -> list[Path]:
    found = sorted([*room.rglob("*.py"), *room.parent.glob(f"{room.name}.py")])
    assert found, f"no module in {room}"
    return found


def imported(module: Path) -> Iterator[str]:
    """Yield the dotted name of everything that a module imports, wherever in it."""
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}: a relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_the_engine_never_awaits() -> None:
    awaiting = (ast.AsyncFor, ast.AsyncFunctionDef, ast.AsyncWith, ast.Await)
    found = [
        f"{module.relative_to(ROOT)}:{getattr(node, 'lineno', '?')}"
        for module in modules(APP / "oauth2")
        for node in ast.walk(ast.parse(module.read_text()))
        if isinstance(node, awaiting) or (isinstance(node, ast.comprehension) and node.is_async)
    ]
    assert found == []


def test_the_core_imports_the_standard_library_and_cryptography_alone() -> None:
    allowed = {*sys.stdlib_module_names, "cryptography"}
    found = [
        f"{module.relative_to(ROOT)}: {name}"
        for module in modules(APP / "core")
        for name in imported(module)
        if name.partition(".")[0] not in allowed and not name.startswith("app.core")
    ]
    assert found == []


@pytest.mark.security("SU-03")
def test_joserfc_is_the_only_jose_library() -> None:
    strangers = re.compile(r"(authlib\.jose|jose|jwt|jwcrypto|python_jwt)(\.|$)")
    found = [f"{module.relative_to(ROOT)}: {name}" for module in modules(APP) for name in imported(module) if strangers.match(name)]
    assert found == []


def test_vendors_are_named_in_dialects_and_demo_data_only() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number}: {match.group()}"
        for folder in (APP, ROOT / "migrations")
        for path in sorted(folder.rglob("*"))
        if path.suffix in {".css", ".html", ".js", ".json", ".mako", ".py", ".toml"}
        and not any(path.is_relative_to(room) for room in MAY_NAME_VENDORS)
        for number, line in enumerate(path.read_text().splitlines(), start=1)
        for match in VENDOR_WORDS.finditer(line)
    ]
    assert found == []
