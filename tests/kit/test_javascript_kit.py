"""The test kit for JavaScript, as a partner runs it: under node's own test runner."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.conftest import missing

ROOT = Path(__file__).parents[2]


def test_a_partners_suite_passes_under_node(tmp_path: Path) -> None:
    if shutil.which("node") is None:
        missing("node", "install Node.js")
    suite = shutil.copy(Path(__file__).with_name("partner.test.mjs"), tmp_path)
    environment = {
        "PATH": os.environ["PATH"],
        "KIT": (ROOT / "kit" / "tokenry.mjs").as_uri(),
        "TOKENRY_COMMAND": f"env PYTHONPATH={ROOT} {sys.executable} -m app",
    }
    done = subprocess.run(
        ["node", "--test", suite], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=110, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "pass 9" in done.stdout
    assert "fail 0" in done.stdout
