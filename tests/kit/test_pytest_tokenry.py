"""The test kit as a partner uses it: another project, with an ``app`` package of its own, whose tests run in four processes."""

import os
import shlex
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
PARTNER = '''
import time
import pytest
import pytest_tokenry
from app import NAME


def test_the_app_is_the_partners_own():
    assert NAME == "the partner's own app"


@pytest.mark.parametrize("number", range(20))
def test_a_day(tokenry, number):
    """Login, token, moved clock, expiry, refresh, fault, what was seen, reset: twenty of these beside each other."""
    client, user = tokenry.client(f"app-{number}"), tokenry.user("alice", name=f"Alice {number}")
    tokens = tokenry.login(client, user, scope="openid profile offline_access", nonce=f"n-{number}")
    active = lambda: tokenry.post("/introspect", {"token": tokens["access_token"]}, client)[1]["active"]
    assert active()
    tokenry.advance(hours=1, seconds=1)
    assert not active()
    tokens = tokenry.refresh(client, tokens["refresh_token"])
    assert active()
    tokenry.fail("unavailable", path="/token")
    with pytest.raises(pytest_tokenry.TokenryError, match="temporarily_unavailable"):
        tokenry.refresh(client, tokens["refresh_token"])
    seen = tokenry.requests
    assert {one["understood"]["client_id"] for one in seen if one["understood"] and "client_id" in one["understood"]} == {f"app-{number}"}
    assert [one["fault"] for one in seen if one["fault"]] == [1]
    tokenry.reset()
    assert tokenry.requests == []
    with pytest.raises(pytest_tokenry.TokenryError, match="no client"):
        tokenry.api("GET", f"/clients/app-{number}")


def test_a_refusal_is_told(tokenry):
    with pytest.raises(pytest_tokenry.TokenryError, match="redirect_uri|unregistered|no user"):
        tokenry.login(tokenry.client(), "nobody")
    with pytest.raises(pytest_tokenry.TokenryError, match="kind"):
        tokenry.api("POST", "/faults", {"kind": "x"})


def test_every_dialect_has_its_codes_and_tokens(tokenry):
    tokenry.shop("youzan", "777")
    client = tokenry.client("ours", dialect="youzan", shops=["777"], scope="item", redirect_uris=["http://127.0.0.1:9401/cb"])
    code = tokenry.code(client, "demo", shop="777")
    fields = {"grant_type": "authorization_code", "code": code, "redirect_uri": client.redirect_uri}
    status, answer = tokenry.post("/oauth/token", fields, client)
    assert status == 200, answer
    assert tokenry.token(client, "demo", kind="access", expires_in=-1)


def test_a_client_is_answered_as_seen(tokenry):
    fields = {"grant_type": "client_credentials"}
    for strictness, member in (("as documented", "access_token"), ("as seen", "data")):
        client = tokenry.client(dialect="open_platform", scope="orders", strictness=strictness)
        assert member in tokenry.post("/oauth2/client-credentials", fields, client)[1]
    with pytest.raises(pytest_tokenry.TokenryError, match="the dialect standard has no known quirks"):
        tokenry.client(strictness="as seen")


def test_a_frozen_clock(tokenry):
    assert tokenry.freeze("2030-01-01T00:00:00Z") == tokenry.freeze()
'''


def run_partner(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a partner's tests with the kit as their only plugin of ours."""
    (folder / "app").mkdir()
    (folder / "app" / "__init__.py").write_text('NAME = "the partner\'s own app"\n')
    (folder / "test_partner.py").write_text(PARTNER)
    command = ["env", f"PYTHONPATH={ROOT}", sys.executable, "-m", "app"]
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "PYTHONPATH": f"{folder}:{ROOT / 'kit'}",
        "TOKENRY_COMMAND": shlex.join(command),
    }
    options = ["-q", "-p", "pytest_tokenry", "-p", "no:cacheprovider", "--rootdir", str(folder), "-o", "addopts="]
    return subprocess.run(
        [sys.executable, "-m", "pytest", *options, *arguments, str(folder)],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )


def test_a_partners_suite_passes_in_four_processes(tmp_path: Path) -> None:
    done = run_partner(tmp_path, "-n", "4")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "25 passed" in done.stdout


def test_a_sandbox_that_does_not_start_says_why(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text("def test_it(tokenry):\n    pass\n")
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT / "kit")}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "pytest_tokenry", "-p", "no:cacheprovider", "-o", "addopts=", str(tmp_path)]
    for told, words in ((f"{sys.executable} -c 'raise SystemExit(\"no luck\")'", "no luck"), ("", "there is no command tokenry")):
        given = {**environment, **({"TOKENRY_COMMAND": told} if told else {})}
        done = subprocess.run(command, cwd=tmp_path, env=given, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 1
        assert words in done.stdout
