"""The examples that partners copy: they parse, name what exists, and are those of the README."""

import re
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "kit" / "examples"


def test_the_compose_example_is_the_one_of_the_readme_which_a_test_runs() -> None:
    shown = re.findall(r"^```yaml\n(# compose\.yaml.*?)^```$", (ROOT / "README.md").read_text(), flags=re.MULTILINE | re.DOTALL)
    assert shown == [(EXAMPLES / "compose.yaml").read_text()]
    assert yaml.safe_load(shown[0])["services"]["tokenry"]["build"] == "."


def test_the_workflow_example_takes_the_kit_from_where_the_wheel_puts_it() -> None:
    workflow = yaml.safe_load((EXAMPLES / "github-actions.yml").read_text())
    steps = "\n".join(step.get("run", "") for step in workflow["jobs"]["test"]["steps"])
    assert "import pytest_tokenry" in steps
    assert "TOKENRY_COMMAND=" in steps
    assert '"kit/pytest_tokenry.py" = "pytest_tokenry.py"' in (ROOT / "pyproject.toml").read_text()
