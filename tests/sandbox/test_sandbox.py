"""The sandbox's start: on this machine only, in a folder of its own, with the documented identities."""

import stat
from pathlib import Path

import pytest

from app.admin import Operator, create_user, list_clients, list_users
from app.core.clock import SystemClock
from app.core.mistakes import ExitCode, Mistake
from app.core.secrets import digest
from app.dialects import Dialects
from app.ledger import Needs
from app.proofs.passwords import verify_password
from app.sandbox import Sandbox, check_loopback, temporary_database
from app.sandbox.demo import DEMO, KNOWN_DIGESTS, PASSWORD, PLAYGROUND_SECRETS, SECRETS
from app.storage import Storage


def sandbox(config: Path | None = None, *, is_terminal: bool = False) -> Sandbox:
    return Sandbox(database="sqlite:////tmp/x.db", codes="tokenry codes issue", is_kept=False, config=config, is_terminal=is_terminal)


@pytest.mark.security("DP-04")
@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "::1"])
def test_loopback_is_fine(host: str) -> None:
    check_loopback(host, f"http://{f'[{host}]' if ':' in host else host}:6749")


@pytest.mark.security("DP-04")
@pytest.mark.parametrize(
    ("host", "issuer", "said"),
    [
        ("0.0.0.0", "http://localhost:6749", "--host is localhost, not 0.0.0.0"),  # noqa: S104 (what must be refused)
        ("::", "http://localhost:6749", "--host is localhost, not ::"),
        ("192.0.2.1", "http://localhost:6749", "--host is localhost"),
        ("127.0.0.1", "https://id.example.com", "its issuer is on localhost, not https://id.example.com"),
        ("127.0.0.1", "https://localhost.example.com", "its issuer is on localhost"),
    ],
)
def test_what_reaches_beyond_this_machine_is_refused(host: str, issuer: str, said: str) -> None:
    with pytest.raises(Mistake, match=said):
        check_loopback(host, issuer)


@pytest.mark.security("AT-08")
def test_the_temporary_folder_is_this_users_alone_and_goes_away() -> None:
    with temporary_database() as url:
        path = Path(url.removeprefix("sqlite:///"))
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
        path.write_text("data")
    assert not path.parent.exists()


async def test_the_documented_identities_are_there(storage: Storage, dialects: Dialects) -> None:
    await sandbox().prepare(storage, dialects, SystemClock())
    expected = {
        "testclient": ("youzan", "testsecret", "88888", "http://127.0.0.1:9401/cb"),
        "hex-demo": ("hex", "hex-demo-secret", "S001", None),
        "platform-demo": ("open_platform", "platform-demo-secret", None, "http://127.0.0.1:9401/cb"),
        "alexa-demo": ("fantem", "alexa-demo-secret", None, "https://pitangui.amazon.com/api/skill/link/DEMO"),
        "fantem-demo": ("fantem", None, None, "http://127.0.0.1:9401/cb"),
        "demo-service": ("standard", "demo-service-secret", None, None),
        "demo-web": ("standard", None, None, "http://127.0.0.1:9401/cb"),
        "demo-app": ("standard", "demo-app-secret", None, "http://127.0.0.1:9401/cb"),
    }
    for client_id, (dialect, secret, shop, redirect_uri) in expected.items():
        facts = await storage.load(Needs(client_id=client_id, shop=shop))
        assert facts.client is not None, client_id
        assert facts.client.dialect == dialect
        assert [one.secret_hash for one in facts.client.secrets] == ([digest(secret)] if secret else [])
        assert facts.client.is_public == (secret is None)
        assert (facts.shop is None) == (shop is None)
        assert redirect_uri is None or redirect_uri in facts.client.redirect_uris
    user = (await storage.load(Needs(login="demo"))).user
    assert user is not None
    assert verify_password(user.password_hash or "", "demo-password")
    assert "m=8192" in (user.password_hash or ""), "a sandbox's hashes are light"


async def test_a_kept_sandbox_starts_again_and_changes_nothing(storage: Storage, dialects: Dialects, operator: Operator) -> None:
    await sandbox().prepare(storage, dialects, SystemClock())
    before = await list_clients(operator), await list_users(operator)
    await sandbox().prepare(storage, dialects, SystemClock())
    assert (await list_clients(operator), await list_users(operator)) == before


async def test_the_operators_file_is_applied_on_top(storage: Storage, dialects: Dialects, tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text('[[clients]]\nclient_id = "mine"\ndialect = "hex"\nshops = ["S001"]\n')
    one = sandbox(file)
    await one.prepare(storage, dialects, SystemClock())
    assert (await storage.load(Needs(client_id="mine", shop="S001"))).shop is not None
    secrets = [line for line in one.banner("http://localhost:6749", 6749).splitlines() if line.startswith("secret.mine=")]
    assert len(secrets) == 1


async def test_a_database_that_is_no_sandboxs_is_left_alone(storage: Storage, dialects: Dialects, operator: Operator) -> None:
    await create_user(operator, {"username": "real"})
    with pytest.raises(Mistake, match="holds clients or users and is no sandbox's") as caught:
        await sandbox().prepare(storage, dialects, SystemClock())
    assert caught.value.exit_code is ExitCode.CONFIGURATION
    assert await list_clients(operator) == []


def test_every_demo_secret_is_known_to_be_published() -> None:
    declared = {client.get("client_secret") for client in DEMO["clients"]} - {None}  # type: ignore[attr-defined]  # a list of tables
    assert declared == set(SECRETS.values())
    assert {digest(secret) for secret in (*declared, *PLAYGROUND_SECRETS.values(), PASSWORD)} == KNOWN_DIGESTS
