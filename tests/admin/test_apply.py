"""A file that declares everything: checked as a whole, applied as a whole, without effect the second time."""

import json
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app.admin import (
    Operator,
    Rules,
    Status,
    apply,
    list_clients,
    list_users,
    parse_document,
    read_document,
    rotate_secret,
    set_password,
    show_client,
    users,
)
from app.core.mistakes import ExitCode, Mistake
from app.core.secrets import digest
from app.dialects import Dialects
from app.ledger import Needs
from app.proofs.passwords import verify_password
from tests.admin.conftest import audit, stored

FILE = """
[[users]]
username = "alice"
password = "wonderland-9-wonderland"
email = "alice@example.com"
[[shops]]
dialect = "youzan"
code = "88888"
name = "Demo shop"
[[scopes]]
name = "orders"
title = { en = "See your orders", zh = "查看您的订单" }
[[clients]]
client_id = "testclient"
client_secret = "testsecret"
dialect = "youzan"
grant_types = ["authorize_platform", "silent", "authorization_code", "refresh_token"]
redirect_uris = ["http://127.0.0.1:9401/cb"]
shops = ["88888"]
"""


async def applied(operator: Operator, content: str | dict[str, Any], **options: bool) -> dict[str, str]:
    """Apply some TOML and return what became of each object."""
    loaded = tomllib.loads(content) if isinstance(content, str) else content
    changes = await apply(operator, parse_document(loaded, "file.toml", operator.dialects), **options)
    return {f"{change.noun} {change.name}": change.status for change in changes}


async def refusal(operator: Operator, content: str) -> str:
    with pytest.raises(Mistake) as caught:
        await applied(operator, content)
    assert caught.value.exit_code is ExitCode.CONFIGURATION
    assert "\n" not in str(caught.value)
    return str(caught.value)


async def everything(operator: Operator) -> Any:
    clients = [await show_client(operator, str(view["client_id"])) for view in await list_clients(operator)]
    return clients, await list_users(operator), await operator.storage.transact(lambda catalog: (catalog.shops("youzan"), catalog.scopes()))


async def test_a_file_is_applied(sandbox_operator: Operator) -> None:
    assert set((await applied(sandbox_operator, FILE)).values()) == {Status.CREATED}
    facts = await sandbox_operator.storage.load(Needs(client_id="testclient", shop="88888", login="alice@example.com"))
    assert facts.client is not None
    assert [secret.secret_hash for secret in facts.client.secrets] == [digest("testsecret")]
    assert facts.shop is not None
    assert facts.shop.name == "Demo shop"
    assert facts.user is not None
    assert verify_password(facts.user.password_hash or "", "wonderland-9-wonderland")


async def test_a_second_time_changes_nothing_at_all(sandbox_operator: Operator) -> None:
    await applied(sandbox_operator, FILE)
    before, events = await everything(sandbox_operator), await audit(sandbox_operator)
    client, user = await stored(sandbox_operator, "testclient"), (await sandbox_operator.storage.load(Needs(login="alice"))).user
    assert set((await applied(sandbox_operator, FILE)).values()) == {Status.UNCHANGED}
    assert await everything(sandbox_operator) == before
    assert await audit(sandbox_operator) == events
    assert await stored(sandbox_operator, "testclient") == client
    assert (await sandbox_operator.storage.load(Needs(login="alice"))).user == user


async def test_json_of_the_same_shape_is_the_same(sandbox_operator: Operator, tmp_path: Path) -> None:
    await applied(sandbox_operator, FILE)
    path = tmp_path / "file.json"
    path.write_text(json.dumps(tomllib.loads(FILE)))
    changes = await apply(sandbox_operator, read_document(path, sandbox_operator.dialects))
    assert {change.status for change in changes} == {Status.UNCHANGED}


async def test_what_the_file_does_not_mention_stays(sandbox_operator: Operator) -> None:
    await applied(sandbox_operator, FILE)
    more = '[[shops]]\ndialect = "youzan"\ncode = "9"\n[[clients]]\nclient_id = "testclient"\nclient_name = "Named"\nshops = ["9"]\n'
    assert await applied(sandbox_operator, more) == {"shop youzan 9": Status.CREATED, "client testclient": Status.UPDATED}
    view = await show_client(sandbox_operator, "testclient")
    assert (view["client_name"], view["redirect_uris"], view["shops"]) == ("Named", ["http://127.0.0.1:9401/cb"], ["88888", "9"])
    assert [user["username"] for user in await list_users(sandbox_operator)] == ["alice"]
    assert set((await applied(sandbox_operator, FILE)).values()) == {Status.UNCHANGED}


async def test_a_changed_member_updates(sandbox_operator: Operator) -> None:
    await applied(sandbox_operator, FILE)
    before = await stored(sandbox_operator, "testclient")
    changed = FILE.replace("Demo shop", "Shop").replace('["authorize_platform", "silent", ', "[").replace("alice@", "alicia@")
    result = await applied(sandbox_operator, changed.replace('"See your orders"', '"Orders"'))
    assert set(result.values()) == {Status.UPDATED}
    after = await stored(sandbox_operator, "testclient")
    assert after.grant_types == ["authorization_code", "refresh_token"]
    assert after.version > before.version
    assert after.secrets == before.secrets


async def test_another_secret_replaces_all_there_were(sandbox_operator: Operator) -> None:
    await applied(sandbox_operator, FILE)
    await rotate_secret(sandbox_operator, "testclient", "second-secret", keep_old_in=3600)
    assert (await applied(sandbox_operator, FILE))["client testclient"] == Status.UNCHANGED
    assert (await applied(sandbox_operator, FILE.replace("testsecret", "third-secret")))["client testclient"] == Status.UPDATED
    assert [secret.secret_hash for secret in (await stored(sandbox_operator, "testclient")).secrets] == [digest("third-secret")]


async def test_another_password_replaces_the_old_one(sandbox_operator: Operator) -> None:
    await applied(sandbox_operator, FILE)
    assert (await applied(sandbox_operator, FILE.replace("wonderland-9", "looking-glass")))["user alice"] == Status.UPDATED
    user = (await sandbox_operator.storage.load(Needs(login="alice"))).user
    assert user is not None
    assert verify_password(user.password_hash or "", "looking-glass-wonderland")


async def test_a_missing_secret_is_made_once(operator: Operator) -> None:
    document = parse_document({"clients": [{"client_id": "app", "dialect": "hex"}]}, "file.toml", operator.dialects)
    first, second = await apply(operator, document), await apply(operator, document)
    assert first[0].secret is not None
    assert second[0].secret is None
    assert [secret.secret_hash for secret in (await stored(operator, "app")).secrets] == [digest(first[0].secret)]


async def test_a_missing_secret_is_refused_where_nobody_would_see_it(operator: Operator) -> None:
    silent = replace(operator, rules=Rules(makes_secrets=False))
    said = await refusal(silent, '[[clients]]\nclient_id = "app"\ndialect = "hex"\n')
    assert said == "file.toml: [[clients]] 1 (app): client_secret: is missing: declare one, or let tokenry apply make it and show it once"


async def test_a_dry_run_says_the_same_and_changes_nothing(sandbox_operator: Operator) -> None:
    assert set((await applied(sandbox_operator, FILE, dry_run=True)).values()) == {Status.CREATED}
    assert await list_clients(sandbox_operator) == []
    assert await list_users(sandbox_operator) == []
    assert await audit(sandbox_operator) == []
    await applied(sandbox_operator, FILE)
    assert (await applied(sandbox_operator, FILE.replace("Demo", "Other"), dry_run=True))["shop youzan 88888"] == Status.UPDATED
    assert set((await applied(sandbox_operator, FILE)).values()) == {Status.UNCHANGED}


async def test_one_wrong_object_leaves_everything_as_it_was(sandbox_operator: Operator) -> None:
    said = await refusal(sandbox_operator, FILE.replace('shops = ["88888"]', 'shops = ["77777"]'))
    assert said == "file.toml: [[clients]] 1 (testclient): shops: there is no shop 77777 in the dialect youzan: declare it first"
    assert await everything(sandbox_operator) == ([], [], ([], []))
    assert await audit(sandbox_operator) == []


async def test_all_problems_are_told_at_once(operator: Operator) -> None:
    said = await refusal(operator, '[[users]]\n[[shops]]\ncode = "1"\n[[scopes]]\n[[clients]]\nclient_id = "x"\nfoo = 1\n')
    assert said == (
        "file.toml: [[users]] 1: username: is missing; file.toml: [[shops]] 1 (1): dialect: is missing;"
        " file.toml: [[scopes]] 1: name: is missing; file.toml: [[clients]] 1 (x): foo: is no key here: there are client_id,"
        + said.partition("there are client_id,")[2]
    )
    many = "".join(f'[[scopes]]\nname = "a {n}"\n' for n in range(8))
    assert (await refusal(operator, many)).endswith("; and 3 more")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("[[robots]]\nname = 1\n", "file.toml: robots: is no table here: there are users, shops, scopes, clients"),
        ("users = 1\n", "file.toml: users: must be a list of tables: write [[users]] above each"),
        ('[clients]\nclient_id = "x"\n', "file.toml: clients: must be a list of tables"),
        ('clients = ["x"]\n', "file.toml: clients: must be a list of tables"),
        ('[[clients]]\ndialect = "hex"\n', "file.toml: [[clients]] 1: client_id: is missing: without it a second apply"),
        ('[[users]]\npassword = "long-enough-password"\n', "file.toml: [[users]] 1: username: is missing"),
        ('[[users]]\nusername = "A"\n[[users]]\nusername = "a"\n', "file.toml: [[users]] 2 (a): username: is declared twice"),
        ('[[scopes]]\nname = "a"\n[[scopes]]\nname = "a"\n', "file.toml: [[scopes]] 2 (a): name: is declared twice"),
    ],
)
def test_a_file_that_cannot_be_is_refused_with_its_place(dialects: Dialects, content: str, reason: str) -> None:
    with pytest.raises(Mistake) as caught:
        parse_document(tomllib.loads(content), "file.toml", dialects)
    assert str(caught.value).startswith(reason)


async def test_what_does_not_fit_together_or_the_database_is_refused_with_its_place(operator: Operator) -> None:
    names = '[[users]]\nusername = "a"\nemail = "b@c"\n[[users]]\nusername = "B@C"\n'
    assert (await refusal(operator, names)).startswith("file.toml: [[users]] 2 (B@C): username: b@c is the name or address of another")
    client = '[[clients]]\nclient_id = "x"\nclient_secret = "short"\n'
    assert (await refusal(operator, client)).startswith("file.toml: [[clients]] 1 (x): redirect_uris: authorization codes and implicit")
    short = await refusal(operator, f"{client}grant_types = []\n")
    assert short.startswith("file.toml: [[clients]] 1 (x): client_secret: is shorter than 32 characters")


@pytest.mark.security("DP-01")
async def test_known_secrets_are_refused_however_long(operator: Operator) -> None:
    known = "a-published-secret-of-many-characters"
    strict = replace(operator, rules=Rules(known_secrets=frozenset([digest(known)])))
    said = await refusal(strict, f'[[clients]]\nclient_id = "x"\ngrant_types = []\nclient_secret = "{known}"\n')
    assert "client_secret: is a published demo secret" in said
    said = await refusal(strict, f'[[users]]\nusername = "x"\npassword = "{known}"\n')
    assert "password: is a published demo password" in said
    assert known not in said


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("absent.toml", None, "No such file or directory"),
        ("broken.toml", b"[[users]\n", "at line 1"),
        ("twice.toml", b"a = 1\na = 2\n", "Cannot overwrite a value"),
        ("latin.toml", b'a = "\xe9"\n', "is not UTF-8"),
        ("broken.json", b"{", "Expecting property name"),
        ("twice.json", b'{"users": [], "users": []}', "the member users is there twice"),
        ("list.json", b"[]", "must be an object with users, shops, scopes, clients"),
        ("deep.json", b"[" * 100_000, "is nested too deeply"),
    ],
)
def test_a_file_that_cannot_be_read_is_named_with_the_reason(
    name: str, content: bytes | None, reason: str, dialects: Dialects, tmp_path: Path
) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(Mistake, match=reason) as caught:
        read_document(path, dialects)
    assert str(caught.value).startswith(f"{path}: ")


def let_somebody_come(monkeypatch: pytest.MonkeyPatch, times: int) -> None:
    """Let somebody else set another password between its proof and the transaction, so many times."""
    prove, comes = users.prove_passwords, iter(range(times))

    async def slowly(operator: Operator, declared: Any) -> Any:
        proofs = await prove(operator, declared)
        if next(comes, None) is not None:
            await set_password(operator, "alice", "somebody-elses-password")
        return proofs

    monkeypatch.setattr(users, "prove_passwords", slowly)


async def test_who_is_overtaken_tries_again(sandbox_operator: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    await applied(sandbox_operator, FILE)
    let_somebody_come(monkeypatch, 1)
    assert (await applied(sandbox_operator, FILE))["user alice"] == Status.UPDATED


async def test_who_is_always_overtaken_overwrites_nothing(sandbox_operator: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    await applied(sandbox_operator, FILE)
    let_somebody_come(monkeypatch, 9)
    with pytest.raises(Mistake, match="the password of alice was changed by somebody else just now"):
        await applied(sandbox_operator, FILE)


async def test_a_file_of_many_is_applied_in_one_transaction(operator: Operator) -> None:
    clients: list[dict[str, object]] = [
        {"client_id": f"app-{number}", "dialect": "fantem", "token_endpoint_auth_method": "none"} for number in range(60)
    ]
    assert len(await applied(operator, {"clients": clients})) == 60
    broken: list[dict[str, object]] = [*clients, {"client_id": "bad", "grant_types": ["implicit"]}]
    renamed = [{**client, "client_name": "Renamed"} for client in broken]
    with pytest.raises(Mistake, match=r"\[\[clients\]\] 61 \(bad\)"):
        await applied(operator, {"clients": renamed})
    assert {view["client_name"] for view in await list_clients(operator)} == {None}
