"""Registering, changing and looking at clients."""

import json
from datetime import timedelta

import pytest

from app.admin import (
    Operator,
    Refused,
    Status,
    create_client,
    create_shop,
    disable_client,
    enable_client,
    grant_shop,
    list_clients,
    rotate_secret,
    show_client,
    update_client,
    withdraw_shop,
)
from app.core.mistakes import Mistake
from app.core.secrets import digest
from app.ledger import Needs
from tests.admin.conftest import START, StandingClock, audit, grant, living_grants, standard_client, stored

LONG = "0123456789abcdef0123456789abcdef"
OTHER = "fedcba9876543210fedcba9876543210"


async def test_a_client_gets_an_id_and_a_secret_that_is_shown_once(operator: Operator) -> None:
    change = await create_client(operator, {"grant_types": ["client_credentials"]})
    assert change.status is Status.CREATED
    assert len(change.name) == 22
    assert change.secret is not None
    assert len(change.secret) >= 43
    client = await stored(operator, change.name)
    assert [secret.secret_hash for secret in client.secrets] == [digest(change.secret)]
    assert change.secret not in repr(change)


async def test_the_defaults_are_the_dialects(operator: Operator) -> None:
    await create_client(operator, {"client_id": "web", "redirect_uris": ["https://app.example.com/cb"]})
    await create_client(operator, {"client_id": "shop-app", "dialect": "youzan"})
    web, shop_app = await stored(operator, "web"), await stored(operator, "shop-app")
    assert (web.dialect, web.grant_types, web.token_endpoint_auth_method) == ("standard", ["authorization_code"], "client_secret_basic")
    assert (shop_app.grant_types, shop_app.token_endpoint_auth_method) == (None, None)


async def test_every_member_is_kept_as_declared(operator: Operator) -> None:
    await create_shop(operator, {"dialect": "hex", "code": "S001"})
    declared = {
        "client_id": "full",
        "client_secret": LONG,
        "client_name": "合阔 Demo",
        "dialect": "hex",
        "redirect_uris": ["https://app.example.com/cb", "com.example.app:/cb"],
        "grant_types": ["store_credentials", "refresh_token"],
        "response_types": ["code"],
        "scope": "orders  items orders",
        "token_endpoint_auth_method": "client_secret_post",
        "post_logout_redirect_uris": ["https://app.example.com/bye"],
        "allowed_origins": ["https://app.example.com", "http://localhost:3000"],
        "shops": ["S001"],
        "always_http_200": True,
        "expires_format": "epoch",
        "client_uri": "https://app.example.com/",
        "client_name#zh": "演示",
        "contacts": ["ops@example.com"],
        "software_version": "1.2",
    }
    await create_client(operator, declared)
    view = await show_client(operator, "full")
    expected = {**declared, "scope": "orders items"}
    del expected["client_secret"]
    assert {name: view[name] for name in expected} == expected
    client = await stored(operator, "full")
    assert client.options == {"always_http_200": True, "expires_format": "epoch"}
    assert client.extra["contacts"] == ["ops@example.com"]


async def test_a_public_client_has_no_secret(operator: Operator) -> None:
    declared = {"client_id": "spa", "token_endpoint_auth_method": "none", "redirect_uris": ["https://app.example.com/cb"]}
    change = await create_client(operator, declared)
    assert change.secret is None
    assert (await stored(operator, "spa")).secrets == ()
    with pytest.raises(Refused, match="client_secret: a public client has none"):
        await create_client(operator, {**declared, "client_id": "spa2", "client_secret": LONG})


async def test_a_client_that_stops_being_public_gets_a_secret_and_one_that_becomes_it_loses_all(operator: Operator) -> None:
    redirects = {"redirect_uris": ["https://app.example.com/cb"]}
    await create_client(operator, {"client_id": "app", "token_endpoint_auth_method": "none", **redirects})
    change = await update_client(operator, "app", {"token_endpoint_auth_method": "client_secret_post"})
    assert change.secret is not None
    assert len((await stored(operator, "app")).secrets) == 1
    await update_client(operator, "app", {"token_endpoint_auth_method": "none"})
    assert (await stored(operator, "app")).secrets == ()


async def test_the_default_profile_is_stored_as_nothing(operator: Operator) -> None:
    await create_client(operator, standard_client(profile="oauth21"))
    assert (await stored(operator, "service")).options == {}
    await update_client(operator, "service", {"profile": "legacy"})
    assert (await stored(operator, "service")).options == {"profile": "legacy"}
    await update_client(operator, "service", {"profile": "oauth21"})
    assert (await stored(operator, "service")).options == {}


@pytest.mark.security("CC-03")
async def test_the_password_grant_is_open_to_legacy_clients_alone(operator: Operator) -> None:
    with pytest.raises(Refused, match='grant_types: the grant password is open only to clients with profile = "legacy"'):
        await create_client(operator, standard_client(grant_types=["password"]))
    await create_client(operator, standard_client(grant_types=["password"], profile="legacy"))
    with pytest.raises(Refused, match="grant_types: the grant password is open only"):
        await update_client(operator, "service", {"profile": "oauth21"})


async def test_a_client_is_registered_once(operator: Operator) -> None:
    await create_client(operator, standard_client())
    with pytest.raises(Mistake, match="client service is there already"):
        await create_client(operator, standard_client())


async def test_an_update_changes_what_is_named_and_raises_the_version(operator: Operator, clock: StandingClock) -> None:
    await create_client(operator, standard_client(client_name="Old", client_uri="https://a.example/"))
    before = await stored(operator, "service")
    clock.move(minutes=1)
    change = await update_client(operator, "service", {"client_name": "New", "scope": "orders items"})
    after = await stored(operator, "service")
    assert (change.status, set(change.members)) == (Status.UPDATED, {"client_name", "scope"})
    assert (after.client_name, after.scope, after.extra) == ("New", "orders items", {"client_uri": "https://a.example/"})
    assert after.version > before.version
    assert (after.created_at, after.updated_at) == (START, START + timedelta(minutes=1))
    assert after.secrets == before.secrets


async def test_an_empty_value_clears_a_member(operator: Operator) -> None:
    await create_client(operator, standard_client(client_name="Old", client_uri="https://a.example/", profile="legacy"))
    await update_client(operator, "service", {"client_name": "", "scope": "", "client_uri": "", "profile": ""})
    client = await stored(operator, "service")
    assert (client.client_name, client.scope, client.extra, client.options) == (None, "", {}, {})


async def test_an_update_that_changes_nothing_leaves_no_trace(operator: Operator) -> None:
    await create_client(operator, standard_client())
    before, events = await stored(operator, "service"), await audit(operator)
    assert (await update_client(operator, "service", {"scope": "orders"})).status is Status.UNCHANGED
    assert (await enable_client(operator, "service")).status is Status.UNCHANGED
    assert await stored(operator, "service") == before
    assert await audit(operator) == events


async def test_what_is_a_clients_identity_does_not_change(operator: Operator) -> None:
    await create_client(operator, standard_client())
    with pytest.raises(Refused, match="client_id: cannot change"):
        await update_client(operator, "service", {"client_id": "other"})
    with pytest.raises(Refused, match="dialect: cannot change from standard"):
        await update_client(operator, "service", {"dialect": "hex"})
    with pytest.raises(Mistake, match="there is no client nobody"):
        await update_client(operator, "nobody", {"scope": "x"})


@pytest.mark.security("CA-12")
async def test_a_disabled_client_is_so_at_the_next_load(operator: Operator) -> None:
    await create_client(operator, standard_client())
    before = (await operator.storage.load(Needs(client_id="service"))).client
    assert before is not None
    assert before.disabled_at is None
    assert (await disable_client(operator, "service")).members == ("disabled_at",)
    disabled = (await operator.storage.load(Needs(client_id="service"))).client
    assert disabled is not None
    assert disabled.disabled_at == START
    await enable_client(operator, "service")
    enabled = (await operator.storage.load(Needs(client_id="service"))).client
    assert enabled is not None
    assert enabled.disabled_at is None


async def test_a_new_secret_ends_the_old_one(operator: Operator) -> None:
    old = (await create_client(operator, standard_client())).secret
    change = await rotate_secret(operator, "service")
    assert change.secret not in {None, old}
    assert [secret.secret_hash for secret in (await stored(operator, "service")).secrets] == [digest(change.secret or "")]


async def test_old_secrets_may_be_kept_for_a_while(operator: Operator, clock: StandingClock) -> None:
    await create_client(operator, standard_client(client_secret=LONG))
    before = await stored(operator, "service")
    assert (await rotate_secret(operator, "service", OTHER, keep_old_in=3600)).secret is None
    after = await stored(operator, "service")
    assert {secret.secret_hash: secret.expires_at for secret in after.secrets} == {
        digest(LONG): START + timedelta(hours=1),
        digest(OTHER): None,
    }
    assert after.version > before.version
    await rotate_secret(operator, "service", keep_old_in=7200)
    ends = {secret.secret_hash: secret.expires_at for secret in (await stored(operator, "service")).secrets}
    assert ends[digest(LONG)] == START + timedelta(hours=1)
    assert ends[digest(OTHER)] == START + timedelta(hours=2)
    clock.move(hours=3)
    await rotate_secret(operator, "service", keep_old_in=60)
    assert len((await stored(operator, "service")).secrets) == 2


async def test_a_secret_that_cannot_be_is_refused_at_rotation(operator: Operator) -> None:
    await create_client(operator, standard_client(client_secret=LONG))
    with pytest.raises(Refused, match="client_secret: is shorter than 32 characters"):
        await rotate_secret(operator, "service", "short")
    with pytest.raises(Refused, match="client_secret: is one that this client has already"):
        await rotate_secret(operator, "service", LONG)
    with pytest.raises(Refused, match="keep_old: takes seconds from 0"):
        await rotate_secret(operator, "service", keep_old_in=-1)
    await create_client(operator, {"client_id": "spa", "token_endpoint_auth_method": "none", "redirect_uris": ["https://a.example/cb"]})
    with pytest.raises(Refused, match="client_secret: a public client has none"):
        await rotate_secret(operator, "spa")


async def test_shops_are_granted_and_withdrawn_one_by_one(operator: Operator) -> None:
    for code in ("S001", "S002"):
        await create_shop(operator, {"dialect": "hex", "code": code})
    await create_client(operator, {"client_id": "store", "dialect": "hex", "shops": ["S001"]})
    assert (await grant_shop(operator, "store", "S002")).members == ("shops",)
    assert (await show_client(operator, "store"))["shops"] == ["S001", "S002"]
    assert (await grant_shop(operator, "store", "S002")).status is Status.UNCHANGED
    await withdraw_shop(operator, "store", "S001")
    assert (await show_client(operator, "store"))["shops"] == ["S002"]
    with pytest.raises(Mistake, match="there is no shop S009 in the dialect hex"):
        await grant_shop(operator, "store", "S009")


async def test_withdrawing_a_shop_revokes_what_the_client_was_granted_for_it_and_nothing_else(operator: Operator) -> None:
    for code in ("S001", "S002"):
        await create_shop(operator, {"dialect": "hex", "code": code})
    for client_id in ("store", "other"):
        await create_client(operator, {"client_id": client_id, "dialect": "hex", "shops": ["S001", "S002"]})
    shops = {shop.code: shop.id for shop in await operator.storage.transact(lambda catalog: catalog.shops("hex"))}
    made = [(client_id, code) for client_id in ("store", "other") for code in shops]
    for client_id, code in made:
        await grant(operator, client_id, shop_id=shops[code])
    await withdraw_shop(operator, "store", "S001")
    alive = [await living_grants(operator, client_id=client_id, shop_id=shops[code]) for client_id, code in made]
    assert dict(zip(made, alive, strict=True)) == {**dict.fromkeys(made, 1), ("store", "S001"): 0}


async def test_clients_are_listed_by_their_id(operator: Operator) -> None:
    for number in (2, 0, 1):
        await create_client(operator, standard_client(client_id=f"service-{number}"))
    assert [view["client_id"] for view in await list_clients(operator)] == ["service-0", "service-1", "service-2"]


async def test_every_page_of_clients_is_listed(operator: Operator) -> None:
    for number in range(101):
        await create_client(operator, {"client_id": f"spa-{number:03}", "dialect": "fantem", "token_endpoint_auth_method": "none"})
    assert len(await list_clients(operator)) == 101


@pytest.mark.security("AD-09")
async def test_every_change_is_written_down_with_who_and_what(operator: Operator, clock: StandingClock) -> None:
    await create_shop(operator, {"dialect": "hex", "code": "S001"})
    await create_client(operator, {"client_id": "store", "dialect": "hex"})
    clock.move(seconds=1)
    await update_client(operator, "store", {"client_name": "Store"})
    for step in (grant_shop, withdraw_shop):
        clock.move(seconds=1)
        await step(operator, "store", "S001")
    for action in (rotate_secret, disable_client, enable_client):
        clock.move(seconds=1)
        await action(operator, "store")
    events = [event for event in reversed(await audit(operator)) if event.subject == "client store"]
    assert [event.action for event in events] == [
        "client.create",
        "client.update",
        "client.grant_shop",
        "client.withdraw_shop",
        "client.rotate_secret",
        "client.disable",
        "client.enable",
    ]
    assert {event.actor for event in events} == {"tester"}
    assert (events[1].before, events[1].after) == ({"client_name": None}, {"client_name": "Store"})
    assert (events[2].before, events[2].after) == ({"shops": []}, {"shops": ["S001"]})


@pytest.mark.security("AD-03")
async def test_no_secret_is_in_audit_list_or_view(operator: Operator) -> None:
    made = [(await create_client(operator, standard_client())).secret, (await rotate_secret(operator, "service")).secret, OTHER]
    await rotate_secret(operator, "service", OTHER, keep_old_in=60)
    events = [(event.before, event.after) for event in await audit(operator)]
    shown = json.dumps([await list_clients(operator), await show_client(operator, "service"), events], default=str)
    for secret in made:
        assert secret is not None
        assert secret not in shown
        assert digest(secret).hex() not in shown


async def test_the_strictness_of_a_client_turns_the_quirks_of_its_dialect_on_and_off(operator: Operator) -> None:
    await create_client(operator, {"client_id": "seen", "dialect": "hex", "strictness": "as seen", "expires_format": False})
    shown = await show_client(operator, "seen")
    assert (shown["strictness"], shown["quirks"], shown["always_http_200"]) == ("as seen", ["always_http_200"], True)
    change = await update_client(operator, "seen", {"strictness": "as seen"})
    assert (change.status, change.members) == (Status.UPDATED, ("expires_format",))
    assert (await update_client(operator, "seen", {"strictness": "as seen"})).status is Status.UNCHANGED
    await update_client(operator, "seen", {"strictness": "as documented"})
    (listed,) = await list_clients(operator)
    assert (listed["strictness"], listed["quirks"]) == ("as documented", [])
    assert "always_http_200" not in listed
    assert {"expires_format": "epoch", "always_http_200": True} in [event.before for event in await audit(operator)]


async def test_a_profile_is_no_quirk(operator: Operator) -> None:
    await create_client(operator, {"client_id": "old", "profile": "legacy", "redirect_uris": ["https://app.example.com/cb"]})
    await update_client(operator, "old", {"strictness": "as documented"})
    shown = await show_client(operator, "old")
    assert (shown["profile"], shown["strictness"], shown["quirks"]) == ("legacy", "as documented", [])
