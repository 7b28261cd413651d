"""``make demo``: one whole login without a browser."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_demo_shows_a_whole_login_and_an_explained_refusal(tmp_path: Path) -> None:
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    command = [sys.executable, str(ROOT / "kit" / "demo.py")]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    for words in (
        '"token_type": "Bearer"',
        '"nonce": "n-0S6_WzA2Mj"',
        '"email": "demo@example.com"',
        '"cause": "bad_bearer"',
        "RFC 6750 §3.1",
    ):
        assert words in done.stdout


def test_a_demo_without_a_server_says_why(tmp_path: Path) -> None:
    environment = {"PATH": os.environ["PATH"], "TOKENRY_COMMAND": f"{sys.executable} -c 'raise SystemExit(\"no luck\")'"}
    command = [sys.executable, str(ROOT / "kit" / "demo.py")]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert done.stderr.strip() == "demo: the sandbox did not start: no luck"
