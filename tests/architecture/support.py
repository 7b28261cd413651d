"""The support table of the README: every clause that a test holds us to, by the tests' markers.

``python -m tests.architecture.support`` (``make support``) writes it. ``support.toml`` has a short title for each text and each section;
what is marked there must be titled, and what is titled must be marked.
"""

import ast
import re
import sys
import tomllib
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
README: Final = ROOT / "README.md"
TITLES: Final = Path(__file__).with_name("support.toml")
BEGIN: Final = "<!-- Written by `make support`. -->\n"
END: Final = "<!-- Until here. -->\n"
_HEAD: Final = "| text | what tests hold us to, by section |\n| --- | --- |\n"


@dataclass(frozen=True, slots=True)
class Text:
    """A standard: what it is called, where it stands, and what its sections are about."""

    name: str
    title: str
    address: str
    sections: Mapping[str, str]


def texts() -> Mapping[str, Text]:
    """Return every text by the name that markers give it."""
    content = tomllib.loads(TITLES.read_text(encoding="utf-8"))
    return {
        name: Text(
            f"RFC {name}" if name.isdecimal() else name,
            entry["title"],
            entry.get("address", f"https://www.rfc-editor.org/rfc/rfc{name}"),
            entry["sections"],
        )
        for name, entry in content.items()
    }


def held() -> Mapping[str, set[str]]:
    """Return the sections of each text that a test is marked with."""
    found: dict[str, set[str]] = defaultdict(set)
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        for call in _markers(ast.parse(path.read_text(encoding="utf-8"))):
            values = [argument.value for argument in call.args if isinstance(argument, ast.Constant)]
            if len(values) != 2 or not all(isinstance(value, str) for value in values):
                raise ValueError(f'{path.relative_to(ROOT)}:{call.lineno}: a marker is written as rfc("6749", "4.1.2")')
            found[str(values[0])].add(str(values[1]))
    return found


def _markers(tree: ast.AST) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.mark.rfc":
            yield node


def problems(marked: Mapping[str, set[str]], titled: Mapping[str, Text]) -> list[str]:
    """Return what a test is marked with and has no title, and what has a title and no test."""
    in_tests = {(name, section) for name, sections in marked.items() for section in sections}
    in_titles = {(name, section) for name, text in titled.items() for section in text.sections}
    return [
        *(f"support.toml has no title of section {section} of {name}" for name, section in sorted(in_tests - in_titles)),
        *(f"no test is marked with section {section} of {name}" for name, section in sorted(in_titles - in_tests)),
    ]


def table(titled: Mapping[str, Text]) -> str:
    """Return the table as Markdown: a row for each text."""
    return _HEAD + "".join(_row(titled[name]) for name in sorted(titled, key=_order))


def _row(text: Text) -> str:
    sections = (f"§{section} {text.sections[section]}" for section in sorted(text.sections, key=_order))
    return f"| [{text.name}]({text.address}) {text.title} | {' · '.join(sections)} |\n"


def _order(name: str) -> list[tuple[bool, int, str]]:
    """Sort by numbers where there are numbers: 4.9 before 4.10, chapters before appendices."""
    return [(not part.isdecimal(), int(part) if part.isdecimal() else 0, part) for part in name.split(".")]


def written(readme: str, rows: str) -> str:
    """Return a README with the table in its place."""
    pattern = re.compile(f"{re.escape(BEGIN)}.*?{re.escape(END)}", re.DOTALL)
    if pattern.search(readme) is None:
        raise ValueError(f"README.md has no place for the table, from {BEGIN.strip()} to {END.strip()}")
    return pattern.sub(lambda _: f"{BEGIN}{rows}{END}", readme)


def main() -> None:
    titled = texts()
    wrong = problems(held(), titled)
    if wrong:
        sys.exit("\n".join(wrong))
    README.write_text(written(README.read_text(encoding="utf-8"), table(titled)), encoding="utf-8")


if __name__ == "__main__":
    main()
