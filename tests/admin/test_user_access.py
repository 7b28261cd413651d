"""What lets a user in: shops, sessions, links to a new password, second factors."""

import re
from dataclasses import replace
from datetime import timedelta

import pytest

from app.admin import (
    LINK_IN,
    SANDBOX,
    Operator,
    Refused,
    Status,
    apply,
    create_client,
    create_shop,
    create_user,
    disable_user,
    enable_user,
    end_sessions,
    grant_user_shop,
    list_sessions,
    list_users,
    parse_document,
    reset_password,
    reset_second_factor,
    set_password,
    show_user,
    update_user,
    withdraw_user_shop,
)
from app.admin.users import declare_user
from app.core.mistakes import Mistake
from app.core.secrets import digest
from app.models import Passkey, Session, User
from app.storage import Catalog
from tests.admin.conftest import START, audit, grant, living_grants

ISSUER = "https://id.example.com"


@pytest.fixture
async def alice(operator: Operator) -> User:
    """A user, and two shops of one code."""
    await create_user(operator, {"username": "alice", "password": "wonderland-9-wonderland", "email": "alice@example.com"})
    await create_shop(operator, {"dialect": "youzan", "code": "88888"})
    await create_shop(operator, {"dialect": "hex", "code": "88888"})
    user = await operator.storage.look(lambda catalog: catalog.user_by_login("alice"))
    assert user is not None
    return user


async def log_in(operator: Operator, user: User, number: int = 1) -> None:
    session = Session(
        id_hash=digest(f"session {number}"),
        user_id=user.id,
        created_at=START,
        last_seen_at=START + timedelta(seconds=number),
        expires_at=START + timedelta(hours=12),
        amr=["pwd"],
        user_agent=f"Browser {number}",
        address="192.0.2.1",
    )
    assert await operator.storage.transact(lambda catalog: catalog.add_session(session, user))


async def noted(operator: Operator, action: str) -> list[tuple[object, object]]:
    """Return what audit events of an action say, in no order: all happened at one moment."""
    return [(event.before, event.after) for event in await audit(operator) if event.action == action]


# -- shops -----------------------------------------------------------------------------------------------------------------------


async def test_a_shop_is_granted_and_withdrawn_with_what_was_granted_for_it(operator: Operator, alice: User) -> None:
    change = await grant_user_shop(operator, "ALICE@example.com", "youzan", "88888")
    assert (change.noun, change.name, change.status, change.members) == ("user", "alice", Status.UPDATED, ("shops",))
    assert (await grant_user_shop(operator, alice.id, "youzan", "88888")).status is Status.UNCHANGED
    assert (await grant_user_shop(operator, "alice", "hex", "88888")).status is Status.UPDATED
    assert (await show_user(operator, "alice"))["shops"] == [{"dialect": "hex", "code": "88888"}, {"dialect": "youzan", "code": "88888"}]
    assert "shops" not in (await list_users(operator))[0]
    shop = await operator.storage.look(lambda catalog: catalog.shop("youzan", "88888"))
    assert shop is not None
    await create_client(operator, {"client_id": "app", "dialect": "youzan", "redirect_uris": ["https://a.example/cb"]})
    await grant(operator, "app", user_id=alice.id, shop_id=shop.id)
    await grant(operator, "app", user_id=alice.id)
    assert (await withdraw_user_shop(operator, "alice", "youzan", "88888")).members == ("shops",)
    assert (await withdraw_user_shop(operator, "alice", "youzan", "88888")).status is Status.UNCHANGED
    assert await living_grants(operator, user_id=alice.id) == 1
    assert (await show_user(operator, "alice"))["shops"] == [{"dialect": "hex", "code": "88888"}]
    granted = await noted(operator, "user.grant_shop")
    assert len(granted) == 2
    assert ({"shops": []}, {"shops": ["youzan 88888"]}) in granted
    withdrawn = ({"shops": ["hex 88888", "youzan 88888"]}, {"shops": ["hex 88888"]})
    assert await noted(operator, "user.withdraw_shop") == [withdrawn]


async def test_a_shop_or_user_that_is_not_there_is_a_mistake(operator: Operator, alice: User) -> None:
    with pytest.raises(Mistake, match="there is no shop 1 in the dialect youzan"):
        await grant_user_shop(operator, "alice", "youzan", "1")
    with pytest.raises(Mistake, match="there is no shop 1 in the dialect youzan"):
        await withdraw_user_shop(operator, "alice", "youzan", "1")
    for work in (reset_second_factor, end_sessions, list_sessions):
        with pytest.raises(Mistake, match="there is no user bob"):
            await work(operator, "bob")
    with pytest.raises(Mistake, match="there is no user bob"):
        await grant_user_shop(operator, "bob", "youzan", "88888")
    with pytest.raises(Mistake, match="there is no user bob"):
        await reset_password(operator, "bob", ISSUER)


async def test_a_file_declares_the_shops_of_a_user_and_takes_none_away(operator: Operator, alice: User) -> None:
    def document(*codes: str, **more: object) -> object:
        shops = [{"dialect": "youzan", "code": code} for code in codes]
        declared = [*({"dialect": "youzan", "code": code} for code in sorted(set(codes))), {"dialect": "hex", "code": "S1"}]
        return {"users": [{"username": "alice", "shops": shops, **more}], "shops": declared}

    async def applied(*codes: str, **more: object) -> dict[str, tuple[Status, tuple[str, ...]]]:
        changes = await apply(operator, parse_document(document(*codes, **more), "file", operator.dialects))
        return {change.name: (change.status, change.members) for change in changes}

    assert (await applied("1", "2", "1"))["alice"] == (Status.UPDATED, ("shops",))
    assert (await applied("1", "2", "1"))["alice"] == (Status.UNCHANGED, ())
    assert (await applied("2"))["alice"] == (Status.UNCHANGED, ())
    assert (await applied())["alice"] == (Status.UNCHANGED, ())
    assert (await applied("3", name="Alice"))["alice"] == (Status.UPDATED, ("name", "shops"))
    assert [row["code"] for row in (await show_user(operator, "alice"))["shops"]] == ["1", "2", "3"]  # type: ignore[attr-defined]
    created = {"users": [{"username": "bob", "shops": [{"dialect": "hex", "code": "S1"}]}]}
    (change,) = await apply(operator, parse_document(created, "file", operator.dialects))
    assert change.status is Status.CREATED
    assert (await show_user(operator, "bob"))["shops"] == [{"dialect": "hex", "code": "S1"}]
    notes = [event for event in await audit(operator) if event.subject.startswith("user bob ")]
    assert [event.after and event.after["shops"] for event in notes] == [[{"dialect": "hex", "code": "S1"}]]


async def test_a_file_that_names_a_shop_nobody_declared_changes_nothing(operator: Operator) -> None:
    content = {"users": [{"username": "bob", "shops": [{"dialect": "youzan", "code": "1"}]}]}
    with pytest.raises(Mistake, match=r"\[\[users\]\] 1 \(bob\): shops: there is no shop 1 in the dialect youzan: declare it first"):
        await apply(operator, parse_document(content, "file", operator.dialects))
    assert await list_users(operator) == []


@pytest.mark.parametrize(
    ("shops", "key"),
    [
        ("88888", "shops"),
        (["88888"], "shops"),
        ([{}], "shops.dialect"),
        ([{"dialect": "youzan"}], "shops.code"),
        ([{"dialect": "youzan", "code": 88888}], "shops.code"),
        ([{"dialect": "youzan", "code": "1", "name": "x"}], "shops.name"),
        ([{"dialect": "youzan", "code": str(n)} for n in range(10_001)], "shops"),
    ],
)
def test_shops_that_cannot_be_are_refused_with_their_key(shops: object, key: str) -> None:
    with pytest.raises(Refused) as caught:
        declare_user({"username": "alice", "shops": shops})
    assert caught.value.key == key
    assert "88888" not in str(caught.value)


# -- links to a new password -----------------------------------------------------------------------------------------------------


@pytest.mark.security("AT-01")
async def test_a_link_is_random_good_for_a_day_and_stored_as_a_digest(operator: Operator, alice: User) -> None:
    made = await reset_password(operator, "alice", ISSUER)
    assert (made.username, made.expires_at) == ("alice", "2026-11-23T01:05:27Z")
    parts = re.fullmatch(r"https://id\.example\.com/reset\?token=([A-Za-z0-9_-]{43})", made.link)
    assert parts is not None
    assert parts[1] not in repr(made)
    assert await operator.storage.look(lambda catalog: catalog.password_reset(digest(parts[1]))) == alice
    assert await noted(operator, "user.reset_password") == [({}, {"reset_link_until": "2026-11-23T01:05:27Z"})]
    again = await reset_password(operator, "alice", ISSUER, valid_in=60)
    assert (again.expires_at, again.link != made.link) == ("2026-11-22T01:06:27Z", True)
    assert await operator.storage.look(lambda catalog: catalog.password_reset(digest(parts[1]))) is None
    assert LINK_IN == 86400


async def test_a_link_is_for_a_user_who_may_log_in_and_for_a_week_at_most(operator: Operator, alice: User) -> None:
    for seconds in (59, 7 * 86400 + 1):
        with pytest.raises(Refused, match="valid_in: takes seconds from 60 to 604800"):
            await reset_password(operator, "alice", ISSUER, valid_in=seconds)
    await disable_user(operator, "alice")
    with pytest.raises(Mistake, match="alice is disabled: enable them first"):
        await reset_password(operator, "alice", ISSUER)


# -- sessions --------------------------------------------------------------------------------------------------------------------


async def test_sessions_are_shown_without_their_ids_and_ended(operator: Operator, alice: User) -> None:
    assert await list_sessions(operator, "alice") == []
    await log_in(operator, alice, 1)
    await log_in(operator, alice, 2)
    first, second = await list_sessions(operator, "alice")
    assert first == {
        "created_at": "2026-11-22T01:05:27Z",
        "last_seen_at": "2026-11-22T01:05:29Z",
        "expires_at": "2026-11-22T13:05:27Z",
        "amr": ["pwd"],
        "address": "192.0.2.1",
        "user_agent": "Browser 2",
    }
    assert second["user_agent"] == "Browser 1"
    await grant(operator, "app", user_id=alice.id)
    link = await reset_password(operator, "alice", ISSUER)
    change = await end_sessions(operator, "alice")
    assert (change.status, change.members) == (Status.UPDATED, ("sessions",))
    assert (await end_sessions(operator, "alice")).status is Status.UNCHANGED
    assert await list_sessions(operator, "alice") == []
    assert await operator.storage.look(lambda catalog: catalog.password_reset(digest(link.link[-43:]))) is None
    assert await living_grants(operator, user_id=alice.id) == 1
    assert await noted(operator, "user.end_sessions") == [({"sessions": 2}, {"sessions": 0})]


@pytest.mark.security("LG-13")
async def test_a_password_that_an_operator_sets_ends_sessions_and_links(operator: Operator, alice: User) -> None:
    await log_in(operator, alice)
    link = await reset_password(operator, "alice", ISSUER)
    await update_user(operator, "alice", {"name": "Alice"})
    assert len(await list_sessions(operator, "alice")) == 1
    await set_password(operator, "alice", "looking-glass-9")
    assert await list_sessions(operator, "alice") == []
    assert await operator.storage.look(lambda catalog: catalog.password_reset(digest(link.link[-43:]))) is None


async def test_a_disabled_user_is_logged_out_for_good(operator: Operator, alice: User) -> None:
    await log_in(operator, alice)
    link = await reset_password(operator, "alice", ISSUER)
    await disable_user(operator, "alice")
    await enable_user(operator, "alice")
    assert await list_sessions(operator, "alice") == []
    assert await operator.storage.look(lambda catalog: catalog.password_reset(digest(link.link[-43:]))) is None


# -- second factors --------------------------------------------------------------------------------------------------------------


async def test_a_lost_second_factor_is_forgotten_with_everything_beside_the_password(operator: Operator, alice: User) -> None:
    assert (await reset_second_factor(operator, "alice")).status is Status.UNCHANGED

    def enrol(catalog: Catalog) -> None:
        assert catalog.put_totp(alice.id, b"sealed")
        totp = catalog.totp(alice.id)
        assert totp is not None
        assert catalog.confirm_totp(totp, 1)
        catalog.put_recovery_codes(alice.id, [digest("one"), digest("two")])
        passkey = Passkey(credential_id=b"1", user_id=alice.id, public_key=b"2", sign_count=0, transports=[], created_at=START)
        assert catalog.add_passkey(passkey)

    await operator.storage.transact(enrol)
    assert (await show_user(operator, "alice"))["second_factor_at"] == "2026-11-22T01:05:27Z"
    await log_in(operator, replace(alice, second_factor_at=START))
    change = await reset_second_factor(operator, "alice")
    assert set(change.members) == {"second_factor_at", "totp_confirmed_at", "passkeys", "recovery_codes"}
    assert (await show_user(operator, "alice"))["second_factor_at"] is None
    assert await list_sessions(operator, "alice") == []
    ((_, after),) = await noted(operator, "user.reset_second_factor")
    assert after == {"second_factor_at": None, "totp_confirmed_at": None, "passkeys": 0, "recovery_codes": 0}


async def test_the_demo_user_of_a_sandbox_manages_the_demo_shop(sandbox_operator: Operator) -> None:
    from app.sandbox.demo import DEMO

    for _ in range(2):
        await apply(sandbox_operator, parse_document(DEMO, "demo", sandbox_operator.dialects))
    assert (await show_user(sandbox_operator, "demo"))["shops"] == [{"dialect": "youzan", "code": "88888"}]

    def shops(catalog: Catalog) -> list[str]:
        demo = catalog.user_by_login("demo")
        assert demo is not None
        assert catalog.property(SANDBOX) is not None
        return [shop.code for shop in catalog.managed_shops(demo.id, "testclient")]

    assert await sandbox_operator.storage.look(shops) == ["88888"]
