"""What a database holds, written as a file and read back: the same state, on both databases, and by whoever applies it."""

import tomllib
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from app.admin import (
    Operator,
    Status,
    apply,
    disable_client,
    disable_resource,
    disable_shop,
    disable_user,
    export,
    list_users,
    parse_document,
    rotate_secret,
)
from app.core.mistakes import Mistake
from app.core.secrets import digest
from app.ledger import Needs
from app.proofs.passwords import hash_password, verify_password
from app.sandbox import DEMO, SERVICE_RULES
from app.storage import open_storage
from tests.admin.conftest import StandingClock, audit, stored
from tests.conftest import Prepared

PASSWORD = "wonderland-9-wonderland"
SECRET = "a-secret-of-more-than-thirty-two-characters"
KEY = {"kty": "EC", "crv": "P-256", "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}
FULL: dict[str, Any] = {
    "users": [
        {
            "username": "Zoë 王",
            "password": PASSWORD,
            "email": "zoe@example.com",
            "name": 'A "quoted" \\ name',
            "shops": [{"dialect": "youzan", "code": "2"}, {"dialect": "hex", "code": "S1"}, {"dialect": "youzan", "code": "1"}],
            "claims": {
                "locale": "en",
                "email_verified": True,
                "address": {"street_address": "1, Main Street\nUpstairs", "country": "CN"},
                "birthdate": "1990-12-31",
            },
        },
        {"username": "alice"},
        {"username": "bob", "password": PASSWORD},
    ],
    "shops": [
        {"dialect": "youzan", "code": "1", "name": "One"},
        {"dialect": "youzan", "code": "2"},
        {"dialect": "hex", "code": "S1"},
    ],
    "scopes": [{"name": "orders", "title": {"zh": "订单", "en": "Orders"}}, {"name": "items"}],
    "resources": [{"uri": "https://api.example.com/", "name": "API", "scopes": ["orders", "items"], "introspection_client": "service"}],
    "clients": [
        {
            "client_id": "service",
            "client_secret": SECRET,
            "grant_types": ["client_credentials"],
            "scope": "orders items",
            "access_token_format": "jwt",
            "default_resources": ["https://api.example.com/"],
        },
        {
            "client_id": "web",
            "client_secret": SECRET,
            "profile": "oidc",
            "client_name": "Web",
            "client_name#zh": "网",
            "grant_types": ["authorization_code", "refresh_token", "implicit"],
            "response_types": ["code", "id_token"],
            "redirect_uris": ["https://app.example.com/cb", "http://127.0.0.1:9401/cb"],
            "post_logout_redirect_uris": ["https://app.example.com/"],
            "allowed_origins": ["https://app.example.com"],
            "scope": "openid profile",
            "default_max_age": 0,
            "require_auth_time": True,
            "contacts": ["ops@example.com"],
            "logo_uri": "https://app.example.com/logo.png",
        },
        {
            "client_id": "keyed",
            "token_endpoint_auth_method": "private_key_jwt",
            "grant_types": ["client_credentials"],
            "jwks": {"keys": [{**KEY, "kid": "1"}, {**KEY, "kid": "2", "note": None}]},
        },
        {
            "client_id": "signs",
            "client_secret": SECRET,
            "token_endpoint_auth_method": "client_secret_jwt",
            "grant_types": ["client_credentials"],
        },
        {"client_id": "asks", "client_secret": SECRET, "grant_types": []},
        {
            "client_id": "youzan",
            "client_secret": SECRET,
            "dialect": "youzan",
            "redirect_uris": ["https://x.example/cb"],
            "shops": ["2", "1"],
        },
        {"client_id": "hex", "client_secret": SECRET, "dialect": "hex", "always_http_200": True, "expires_format": "epoch"},
        {"client_id": "home", "dialect": "fantem", "token_endpoint_auth_method": "none", "redirect_uris": ["http://127.0.0.1:9401/cb"]},
    ],
}


async def applied(operator: Operator, text: str) -> set[str]:
    return {change.status for change in await apply(operator, parse_document(tomllib.loads(text), "file.toml", operator.dialects))}


@pytest.fixture
def operator(operator: Operator) -> Operator:
    return replace(operator, sealing_key=lambda: b"k" * 32)


@pytest.fixture
def second_url(request: pytest.FixtureRequest, prepared: Prepared, tmp_path: Path, ready_database_url: str) -> Iterator[str]:
    """Another empty database of the same engine."""
    if ready_database_url.startswith("sqlite"):
        yield prepared.sqlite(tmp_path / "second.db")
        return
    with prepared.postgresql() as url:
        yield url


@pytest.fixture
async def second(operator: Operator, second_url: str, clock: StandingClock) -> AsyncIterator[Operator]:
    storage = await open_storage(second_url, clock=clock)
    yield replace(operator, storage=storage)
    await storage.close()


@pytest.fixture
async def full(operator: Operator, clock: StandingClock) -> Operator:
    """A database with everything that a file can declare, and what only commands can do."""
    await apply(operator, parse_document(FULL, "file.toml", operator.dialects))
    clock.move(seconds=0.25)
    await rotate_secret(operator, "service", f"{SECRET}-2", keep_old_in=3600)
    await rotate_secret(operator, "service", f"{SECRET}-3", keep_old_in=7200)
    await disable_user(operator, "bob")
    await disable_client(operator, "home")
    await disable_shop(operator, "hex", "S1")
    await disable_resource(operator, "https://api.example.com/")
    return operator


async def test_what_is_exported_and_applied_elsewhere_is_exported_the_same(full: Operator, second: Operator) -> None:
    text = await export(full)
    assert await applied(second, text) == {Status.CREATED}
    assert await export(second) == text
    for operator in (full, second):
        facts = await operator.storage.load(Needs(client_id="service", login="zoe@example.com"))
        assert facts.user is not None
        assert verify_password(facts.user.password_hash or "", PASSWORD)
        assert facts.client is not None
        ends = {one.secret_hash: one.expires_at for one in facts.client.secrets}
        assert set(ends) == {digest(SECRET), digest(f"{SECRET}-2"), digest(f"{SECRET}-3")}
        assert ends[digest(f"{SECRET}-3")] is None
    assert await names(full) == await names(second), "a person has the same name for every client"


async def names(operator: Operator) -> list[object]:
    return [(user["id"], user["username"]) for user in await list_users(operator)]


async def test_applying_it_where_it_comes_from_changes_nothing(full: Operator) -> None:
    events = await audit(full)
    assert await applied(full, await export(full)) == {Status.UNCHANGED}
    assert await audit(full) == events


async def test_a_file_says_what_does_not_come_along(full: Operator) -> None:
    text = await export(full)
    assert SECRET not in text
    assert '# has no password\n[[users]]\nusername = "alice"' in text
    assert "# signs with its secret, which is sealed and does not come along" in text
    assert text.count("disabled = true") == 4
    assert "sandbox: its demo identities" not in text


async def test_grants_that_nobody_named_stay_those_that_were_open(operator: Operator, second: Operator) -> None:
    client = {"client_id": "old", "client_secret": SECRET, "dialect": "fantem", "redirect_uris": ["https://a.example/cb"]}
    await apply(operator, parse_document({"clients": [client]}, "file.toml", operator.dialects))
    assert (await stored(operator, "old")).grant_types is None
    assert "grant_types" not in await export(operator)
    other = replace(await stored(operator, "old"), dialect="standard", token_endpoint_auth_method="client_secret_basic")
    await operator.storage.transact(lambda catalog: catalog.put_client(other))
    text = await export(operator)
    assert "authorization_code" in text
    assert '"password"' not in text
    await applied(second, text)
    assert await export(second) == text


async def test_the_demo_identities_come_back_in_a_sandbox_and_in_no_service(sandbox_operator: Operator, second: Operator) -> None:
    await apply(sandbox_operator, parse_document(DEMO, "demo", sandbox_operator.dialects))
    text = await export(sandbox_operator)
    assert "# It comes from a sandbox" in text
    service = replace(second, rules=SERVICE_RULES)
    with pytest.raises(Mistake, match=r"password_hash: was made too cheaply.*client_secret_hash: is that of a published demo secret"):
        await applied(service, text)
    assert await list_users(service) == []
    await second.storage.transact(lambda catalog: catalog.set_property("sandbox", "1"))
    await applied(replace(second, rules=sandbox_operator.rules), text)
    assert await export(second) == text


async def test_a_published_password_is_known_by_its_hash(second: Operator) -> None:
    service = replace(second, rules=SERVICE_RULES)
    for username, password, is_taken in (("demo", "demo-password", False), ("own", PASSWORD, True)):
        text = f'[[users]]\nusername = "{username}"\npassword_hash = "{hash_password(password)}"\n'
        if is_taken:
            assert await applied(service, text) == {Status.CREATED}
            assert await applied(service, text) == {Status.UNCHANGED}
        else:
            with pytest.raises(Mistake, match="password_hash: is that of a published demo password"):
                await applied(service, text)


async def test_another_hash_is_another_password(operator: Operator) -> None:
    await applied(operator, f'[[users]]\nusername = "ann"\npassword_hash = "{hash_password(PASSWORD)}"\n')
    events = len(await audit(operator))
    assert await applied(operator, f'[[users]]\nusername = "ann"\npassword_hash = "{hash_password("another-one-9")}"\n') == {Status.UPDATED}
    user = (await operator.storage.load(Needs(login="ann"))).user
    assert user is not None
    assert user.password_changed_at is not None
    assert verify_password(user.password_hash or "", "another-one-9")
    assert len(await audit(operator)) == events + 1
    assert "argon2" not in str(await audit(operator))


async def test_declared_digests_are_all_the_secrets_there_are(operator: Operator, clock: StandingClock) -> None:
    head = '[[clients]]\nclient_id = "app"\ngrant_types = ["client_credentials"]\n'
    assert await applied(operator, f'{head}client_secret = "{SECRET}"\n') == {Status.CREATED}
    ends = (clock.now() + timedelta(hours=1)).isoformat()
    both = f'{head}client_secret_hash = ["{digest("x" * 40).hex()}", {{ hash = "{digest(SECRET).hex()}", expires_at = {ends} }}]\n'
    before = (await stored(operator, "app")).secrets[0]
    assert await applied(operator, both) == {Status.UPDATED}
    assert await applied(operator, both) == {Status.UNCHANGED}
    assert await applied(operator, both.replace(ends, f'"{ends}"')) == {Status.UNCHANGED}
    secrets = {one.secret_hash: one for one in (await stored(operator, "app")).secrets}
    assert secrets[digest(SECRET)].id == before.id
    clock.move(hours=2)
    assert await applied(operator, both) == {Status.UNCHANGED}, "what has ended is left out"
    assert await applied(operator, f'{head}client_secret = "{"x" * 40}"\n') == {Status.UNCHANGED}


HASH = "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0c2FsdA$" + "A" * 43


@pytest.mark.parametrize(
    ("declared", "said"),
    [
        (f'password_hash = "{HASH.replace("argon2id", "argon2i")}"', "is no Argon2id hash"),
        ('password_hash = "$2b$12$abcdefghijklmnopqrstuv"', "is no Argon2id hash"),
        (f'password_hash = "{HASH}"\npassword = "{PASSWORD}"', "stands beside a password"),
        (f'password_hash = "{HASH.replace("m=19456", "m=9999999")}"', "takes too much to check"),
        (f'password_hash = "{HASH.replace("t=2", "t=99")}"', "takes too much to check"),
        (f'password_hash = "{HASH.replace("m=19456", "m=8")}"', "was made too cheaply"),
        (f'password_hash = "{HASH.replace("c2FsdHNhbHRzYWx0c2FsdA", "c2E")}"', "has a salt of less than 8 bytes"),
        (f'password_hash = "{HASH}{"A" * 400}"', "is longer than 400 characters"),
        (f'password_hash = "{HASH.replace("A" * 43, "é" * 43)}"', "is no Argon2id hash"),
        (f'password_hash = "{HASH.replace("A" * 43, "_" * 43)}"', "is no Argon2id hash"),
        (f'password_hash = "{HASH.replace("v=19", "v=16")}"', "is no Argon2id hash"),
        (f'password_hash = "{HASH.replace("m=19456,", "")}"', "is no Argon2id hash"),
        (f'password_hash = "{HASH.replace("p=1", "p=17")}"', "takes too much to check"),
        (f'password_hash = "{HASH.replace("A" * 43, "A" * 14)}"', "has a salt of less than 8 bytes, or is itself not of 16 to 64"),
        ('id = "short"', "id: has 22 letters"),
        ('disabled = "yes"', "disabled: must be true or false"),
    ],
)
async def test_a_hash_that_is_none_is_refused(operator: Operator, declared: str, said: str) -> None:
    with pytest.raises(Mistake, match="users") as caught:
        await applied(operator, f'[[users]]\nusername = "ann"\n{declared}\n')
    assert said in str(caught.value)
    assert "argon2" not in str(caught.value).replace("$argon2id$v=19$m=19456,t=2,p=1$…$…", "")


@pytest.mark.parametrize(
    ("declared", "said"),
    [
        ('client_secret_hash = "abc"', "takes the SHA-256 of the secret as 64 hexadecimal digits"),
        ("client_secret_hash = 7", "takes the SHA-256"),
        ("client_secret_hash = []", "takes 1 to 20 secrets"),
        (f'client_secret_hash = ["{"a" * 64}", "{"A" * 64}"]', "holds the same secret twice"),
        (f'client_secret_hash = [{{ hash = "{"a" * 64}", until = 1 }}]', "client_secret_hash.until: is no key here"),
        (f'client_secret_hash = [{{ hash = "{"a" * 64}", expires_at = 2027-01-01 }}]', "must be a moment with its time zone"),
        (f'client_secret_hash = [{{ hash = "{"a" * 64}", expires_at = 2020-01-01T00:00:00Z }}]', "every one of these secrets has ended"),
        (f'client_secret_hash = "{"a" * 64}"\nclient_secret = "{SECRET}"', "stands beside a client_secret"),
        (f'client_secret_hash = "{"a" * 64}"\ntoken_endpoint_auth_method = "none"\ngrant_types = []', "a public client has none"),
        (f'client_secret_hash = "{"a" * 64}"\ntoken_endpoint_auth_method = "client_secret_jwt"', "no signature is checked by a digest"),
    ],
)
async def test_a_digest_that_is_none_is_refused(operator: Operator, declared: str, said: str) -> None:
    grants = "" if "grant_types" in declared else 'grant_types = ["client_credentials"]\n'
    with pytest.raises(Mistake, match="clients") as caught:
        await applied(operator, f'[[clients]]\nclient_id = "app"\n{grants}{declared}\n')
    assert said in str(caught.value)
    assert "a" * 64 not in str(caught.value)


async def test_an_id_belongs_to_one_person(operator: Operator) -> None:
    one, two = "A" * 22, "B" * 22
    assert await applied(operator, f'[[users]]\nusername = "ann"\nid = "{one}"\n') == {Status.CREATED}
    with pytest.raises(Mistake, match="id: is that of another user"):
        await applied(operator, f'[[users]]\nusername = "ben"\nid = "{one}"\n')
    assert await applied(operator, f'[[users]]\nusername = "ann"\nid = "{two}"\n') == {Status.UNCHANGED}
    assert await names(operator) == [(one, "ann")]


async def test_disabled_is_declared_and_taken_back(full: Operator) -> None:
    text = await export(full)
    assert await applied(full, text.replace("disabled = true", "disabled = false")) >= {Status.UPDATED}
    again = await export(full)
    assert "disabled" not in again
    assert await applied(full, text) >= {Status.UPDATED}
    assert await export(full) == text


async def test_more_shops_than_a_list_may_hold_come_back(operator: Operator, second: Operator) -> None:
    codes = [str(number) for number in range(1, 252)]
    shops = [{"dialect": "youzan", "code": code} for code in codes]
    client = {"client_id": "app", "client_secret": SECRET, "dialect": "youzan", "redirect_uris": ["https://x.example/cb"], "shops": codes}
    content = {"shops": shops, "users": [{"username": "ann", "shops": shops}], "clients": [client]}
    await apply(operator, parse_document(content, "file.toml", operator.dialects))
    text = await export(operator)
    await applied(second, text)
    assert await export(second) == text
