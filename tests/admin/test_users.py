"""Users: names that are nobody else's, and passwords that are never shown."""

import asyncio
import json

import pytest

from app.admin import (
    Operator,
    Refused,
    Status,
    create_user,
    disable_user,
    enable_user,
    list_users,
    set_password,
    show_user,
    update_user,
)
from app.admin.users import declare_user
from app.core.mistakes import Mistake
from app.core.passwords import login_key
from app.ledger import Needs
from app.models import User
from app.proofs.passwords import verify_password
from tests.admin.conftest import StandingClock, audit, grant, living_grants

ALICE = {"username": "Alice", "password": "wonderland-9-wonderland", "email": "Alice@Example.com", "name": "Alice L."}


async def loaded(operator: Operator, name: str) -> User | None:
    return (await operator.storage.load(Needs(login=login_key(name)))).user


async def test_a_user_is_found_under_every_spelling_of_name_and_address(operator: Operator) -> None:
    change = await create_user(operator, ALICE)
    assert (change.status, change.name) == (Status.CREATED, "Alice")
    for name in ("alice", " ALICE ", "\uff41lice", "alice@example.com", "ALICE@EXAMPLE.COM"):
        user = await loaded(operator, name)
        assert user is not None, name
        assert verify_password(user.password_hash or "", "wonderland-9-wonderland")
    view = await show_user(operator, "alice@example.com")
    assert (view["username"], view["email"], view["name"], view["has_password"]) == ("Alice", "Alice@Example.com", "Alice L.", True)
    assert await show_user(operator, str(view["id"])) == view


async def test_nobody_takes_the_name_or_address_of_another(operator: Operator) -> None:
    await create_user(operator, ALICE)
    await create_user(operator, {"username": "bob@example.com"})
    taken: list[tuple[dict[str, object], str | None]] = [
        ({"username": "alice"}, None),
        ({"username": "\uff21LICE"}, None),
        ({"username": "alice@example.com"}, "username"),
        ({"username": "bob", "email": "alice@EXAMPLE.com"}, "email"),
        ({"username": "bob", "email": "bob@example.com"}, "email"),
    ]
    for values, key in taken:
        with pytest.raises(Mistake) as caught:
            await create_user(operator, values)
        assert getattr(caught.value, "key", None) == key, values
    assert len(await list_users(operator)) == 2


async def test_two_operators_at_once_cannot_give_one_name_to_two(operator: Operator) -> None:
    for number in range(5):
        name = f"user{number}@example.com"
        first, second = create_user(operator, {"username": name}), create_user(operator, {"username": f"x{number}", "email": name})
        results = await asyncio.gather(first, second, return_exceptions=True)
        assert sorted(isinstance(result, Mistake) for result in results) == [False, True], results


@pytest.mark.parametrize(
    ("values", "key"),
    [
        ({"username": ""}, "username"),
        ({"username": " alice"}, "username"),
        ({"username": "a" * 201}, "username"),
        ({"username": "\ufdfa" * 200}, "username"),
        ({"username": "a\x00"}, "username"),
        ({"username": "x", "email": "nobody"}, "email"),
        ({"username": "x", "email": "a@b@c"}, "email"),
        ({"username": "x", "email": "@example.com"}, "email"),
        ({"username": "x", "email": "a b@example.com"}, "email"),
        ({"username": "x", "password": "short"}, "password"),
        ({"username": "x", "password": "p" * 1025}, "password"),
        ({"username": "x", "password": 12345678}, "password"),
        ({"username": "x", "name": 7}, "name"),
        ({"username": "x", "role": "admin"}, "role"),
        ({"username": "x", "password_hash": "$argon2id$"}, "password_hash"),
    ],
)
def test_a_value_that_cannot_be_is_refused_with_its_key(values: dict[str, object], key: str) -> None:
    with pytest.raises(Refused) as caught:
        declare_user(values)
    assert caught.value.key == key


async def test_a_user_has_a_name(operator: Operator) -> None:
    with pytest.raises(Refused, match="username: is missing"):
        await create_user(operator, {"password": "long-enough-password"})
    assert await list_users(operator) == []


async def test_an_update_changes_what_is_named(operator: Operator) -> None:
    await create_user(operator, ALICE)
    change = await update_user(operator, "alice", {"username": "alicia", "email": ""})
    assert (change.status, set(change.members)) == (Status.UPDATED, {"username", "email"})
    assert await loaded(operator, "alice") is None
    assert await loaded(operator, "alice@example.com") is None
    user = await loaded(operator, "alicia")
    assert user is not None
    assert user.name == "Alice L."
    assert (await update_user(operator, "alicia", {"name": "Alice L."})).status is Status.UNCHANGED
    with pytest.raises(Refused, match="password: is set by set-password"):
        await update_user(operator, "alicia", {"password": "another-long-password"})
    with pytest.raises(Mistake, match="there is no user nobody"):
        await update_user(operator, "nobody", {"name": "x"})


@pytest.mark.security("RF-11")
async def test_a_new_password_revokes_what_the_user_had_granted(operator: Operator) -> None:
    for values in (ALICE, {"username": "bob", "password": "builder-builder"}):
        await create_user(operator, values)
    ids = [str((await show_user(operator, name))["id"]) for name in ("alice", "bob")]
    for user_id in ids:
        await grant(operator, "x", user_id=user_id)
    change = await set_password(operator, "alice", "another-long-password")
    assert change.members == ("password",)
    user = await loaded(operator, "alice")
    assert user is not None
    assert verify_password(user.password_hash or "", "another-long-password")
    alive = [await living_grants(operator, user_id=user_id) for user_id in ids]
    assert alive == [0, 1]


async def test_setting_the_same_password_again_still_revokes(operator: Operator) -> None:
    await create_user(operator, ALICE)
    assert (await set_password(operator, "alice", "wonderland-9-wonderland")).status is Status.UPDATED
    with pytest.raises(Refused, match="password: a password needs at least 8 characters"):
        await set_password(operator, "alice", "short")


async def test_a_disabled_user_is_so_at_the_next_load(operator: Operator, clock: StandingClock) -> None:
    await create_user(operator, ALICE)
    await disable_user(operator, "alice")
    user = await loaded(operator, "alice")
    assert user is not None
    assert user.disabled_at == clock.time
    clock.move(hours=1)
    assert (await disable_user(operator, "alice")).status is Status.UNCHANGED
    await enable_user(operator, "alice")
    user = await loaded(operator, "alice")
    assert user is not None
    assert user.disabled_at is None


@pytest.mark.security("AD-03")
async def test_no_password_or_hash_is_in_audit_list_or_view(operator: Operator, clock: StandingClock) -> None:
    await create_user(operator, ALICE)
    clock.move(seconds=1)
    await set_password(operator, "alice", "another-long-password")
    clock.move(seconds=1)
    await disable_user(operator, "alice")
    events = await audit(operator)
    assert [event.action for event in events] == ["user.disable", "user.update", "user.create"]
    shown = json.dumps(
        [await list_users(operator), await show_user(operator, "alice"), [(event.before, event.after) for event in events]], default=str
    )
    for secret in ("wonderland-9-wonderland", "another-long-password", "argon2"):
        assert secret not in shown
