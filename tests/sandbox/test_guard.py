"""What a service refuses to run with."""

from dataclasses import replace
from pathlib import Path

import pytest

from app.admin import Operator, create_client, create_user, list_clients, rotate_secret, set_password
from app.core.clock import SystemClock
from app.core.mistakes import ExitCode, Mistake
from app.dialects import Dialects
from app.sandbox import SANDBOX_RULES, SERVICE_RULES, Sandbox, prepare_service
from app.storage import Storage

SERVICE = {"client_id": "service", "grant_types": ["client_credentials"]}


async def refusal(storage: Storage, dialects: Dialects, config: Path | None = None) -> str:
    with pytest.raises(Mistake) as caught:
        await prepare_service(storage, dialects, SystemClock(), config, "tester")
    assert caught.value.exit_code is ExitCode.CONFIGURATION
    return str(caught.value)


async def test_an_empty_database_is_fine(storage: Storage, dialects: Dialects) -> None:
    assert await prepare_service(storage, dialects, SystemClock(), None, "tester") == []


@pytest.mark.security("DP-01")
async def test_a_sandboxs_database_is_refused(storage: Storage, dialects: Dialects) -> None:
    one = Sandbox(database="x", codes="x", is_kept=True, config=None, is_terminal=False)
    await one.prepare(storage, dialects, SystemClock())
    assert "this database is a sandbox's" in await refusal(storage, dialects)


@pytest.mark.security("DP-01")
@pytest.mark.parametrize("secret", ["testsecret", "demo-service-secret"])
async def test_a_published_secret_in_the_database_is_refused_until_it_is_changed(
    operator: Operator, storage: Storage, dialects: Dialects, secret: str
) -> None:
    await create_client(operator, {**SERVICE, "client_secret": secret})
    said = await refusal(storage, dialects)
    assert "clients have published demo secrets" in said
    assert "(service)" in said
    assert secret not in said
    await rotate_secret(replace(operator, rules=SERVICE_RULES), "service")
    await prepare_service(storage, dialects, SystemClock(), None, "tester")


@pytest.mark.security("DP-01")
async def test_the_published_password_in_the_database_is_refused_until_it_is_changed(
    operator: Operator, storage: Storage, dialects: Dialects
) -> None:
    await create_user(operator, {"username": "Demo", "password": "demo-password"})
    assert "the user demo has the published demo password" in await refusal(storage, dialects)
    await set_password(operator, "demo", "nobody-knows-this-one")
    await prepare_service(storage, dialects, SystemClock(), None, "tester")


@pytest.mark.security("DP-01")
@pytest.mark.parametrize(
    ("declared", "said"),
    [
        ('[[clients]]\nclient_id = "x"\ngrant_types = []\nclient_secret = "testsecret"\n', "client_secret: is a published demo secret"),
        ('[[clients]]\nclient_id = "x"\ngrant_types = []\nclient_secret = "only-a-bit-short-of-thirty-two"\n', "is shorter than 32"),
        ('[[clients]]\nclient_id = "x"\ngrant_types = []\n', "client_secret: is missing"),
        ('[[users]]\nusername = "x"\npassword = "demo-password"\n', "password: is a published demo password"),
    ],
)
async def test_a_weak_secret_in_the_file_is_refused(storage: Storage, dialects: Dialects, tmp_path: Path, declared: str, said: str) -> None:
    file = tmp_path / "service.toml"
    file.write_text(declared)
    assert said in await refusal(storage, dialects, file)


async def test_the_file_is_applied(operator: Operator, storage: Storage, dialects: Dialects, tmp_path: Path) -> None:
    file = tmp_path / "service.toml"
    file.write_text(f'[[clients]]\nclient_id = "x"\ngrant_types = []\nclient_secret = "{"s" * 32}"\n')
    changes = await prepare_service(storage, dialects, SystemClock(), file, "tester")
    assert [(change.name, change.status, change.secret) for change in changes] == [("x", "created", None)]
    assert [view["client_id"] for view in await list_clients(operator)] == ["x"]


def test_only_a_sandbox_takes_short_secrets_and_hashes_lightly() -> None:
    assert (SERVICE_RULES.minimum_secret, SERVICE_RULES.light_passwords) == (32, False)
    assert (SANDBOX_RULES.minimum_secret, SANDBOX_RULES.light_passwords) == (1, True)
