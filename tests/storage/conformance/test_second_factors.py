"""Authenticator apps, recovery codes and passkeys: each proof is good once."""

import asyncio
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from app.core.secrets import new_id
from app.models import Passkey, Totp, User
from app.storage import Catalog, Storage
from tests.storage.conftest import Database, MovableClock
from tests.storage.records import NOW, a_user, fresh_hash


@pytest.fixture
async def ada(storage: Storage) -> User:
    return await storage.transact(lambda catalog: catalog.put_user(a_user("ada")))


def a_passkey(user: User, **values: Any) -> Passkey:
    return Passkey(
        **{
            "credential_id": fresh_hash(),
            "user_id": user.id,
            "public_key": b"\x00cose",
            "sign_count": 0,
            "name": "Phone",
            "transports": ["internal", "hybrid"],
            "created_at": NOW,
            **values,
        }
    )


async def enrolled(storage: Storage, user: User, sealed: bytes = b"sealed", step: int = 100) -> Totp:
    """Give a user a confirmed authenticator app."""

    def work(catalog: Catalog) -> Totp | None:
        assert catalog.put_totp(user.id, sealed)
        totp = catalog.totp(user.id)
        assert totp is not None
        assert catalog.confirm_totp(totp, step)
        return catalog.totp(user.id)

    totp = await storage.transact(work)
    assert totp is not None
    return totp


# -- authenticator apps ----------------------------------------------------------------------------------------------------------


async def test_app_counts_once_it_is_confirmed(storage: Storage, ada: User, clock: MovableClock) -> None:
    assert await storage.look(lambda catalog: catalog.totp(ada.id)) is None
    assert await storage.transact(lambda catalog: catalog.put_totp(ada.id, b"first"))
    assert await storage.transact(lambda catalog: catalog.put_totp(ada.id, b"second"))
    shown = Totp(user_id=ada.id, secret_sealed=b"second")
    assert await storage.look(lambda catalog: catalog.totp(ada.id)) == shown
    assert not await storage.transact(lambda catalog: catalog.spend_totp_step(ada.id, 1)), "unconfirmed"
    assert not await storage.transact(lambda catalog: catalog.confirm_totp(replace(shown, secret_sealed=b"first"), 1)), "replaced"
    assert await storage.look(lambda catalog: catalog.user(ada.id)) == ada
    clock.forward(seconds=1)
    assert await storage.transact(lambda catalog: catalog.confirm_totp(shown, 100))
    assert not await storage.transact(lambda catalog: catalog.confirm_totp(shown, 101)), "confirmed"
    assert not await storage.transact(lambda catalog: catalog.put_totp(ada.id, b"third")), "confirmed"
    assert await storage.look(lambda catalog: catalog.totp(ada.id)) == replace(shown, confirmed_at=clock.now(), last_step=100)
    demanded = replace(ada, second_factor_at=clock.now(), updated_at=clock.now())
    assert await storage.look(lambda catalog: catalog.user(ada.id)) == demanded


async def test_step_of_a_code_is_spent_once_and_none_before_it_again(storage: Storage, ada: User) -> None:
    await enrolled(storage, ada, step=100)
    spent = [await storage.transact(partial(Catalog.spend_totp_step, user_id=ada.id, step=step)) for step in (100, 99, 101, 101, 103, 102)]
    assert spent == [False, False, True, False, True, False]
    assert not await storage.transact(lambda catalog: catalog.spend_totp_step(new_id(), 1))


async def test_code_replayed_by_many_at_once_wins_once(database: Database) -> None:
    storages = [await database.open() for _ in range(2)]
    ada = a_user("ada")
    await storages[0].transact(lambda catalog: catalog.put_user(ada))
    await enrolled(storages[0], ada)
    tries = [storages[n % 2].transact(lambda catalog: catalog.spend_totp_step(ada.id, 101)) for n in range(10)]
    assert sum(await asyncio.gather(*tries)) == 1


async def test_removing_the_app_demands_no_second_factor_any_more(storage: Storage, ada: User) -> None:
    await enrolled(storage, ada)
    await storage.transact(lambda catalog: catalog.put_recovery_codes(ada.id, [fresh_hash()]))
    key = a_passkey(ada)
    await storage.transact(lambda catalog: catalog.add_passkey(key))
    assert await storage.transact(lambda catalog: catalog.remove_totp(ada.id))
    assert not await storage.transact(lambda catalog: catalog.remove_totp(ada.id))

    def look(catalog: Catalog) -> list[object]:
        user = catalog.user(ada.id)
        return [catalog.totp(ada.id), user and user.second_factor_at, catalog.recovery_codes_of(ada.id), catalog.passkeys_of(ada.id)]

    assert await storage.look(look) == [None, None, [], [key]]
    await enrolled(storage, ada, b"again")
    assert await storage.transact(lambda catalog: catalog.reset_second_factor(ada.id))
    assert not await storage.transact(lambda catalog: catalog.reset_second_factor(ada.id))
    assert await storage.look(look) == [None, None, [], []]
    await storage.transact(lambda catalog: catalog.add_passkey(key))
    assert await storage.transact(lambda catalog: catalog.reset_second_factor(ada.id))


# -- recovery codes --------------------------------------------------------------------------------------------------------------


async def test_recovery_code_is_spent_once(storage: Storage, ada: User, clock: MovableClock) -> None:
    bob = await storage.transact(lambda catalog: catalog.put_user(a_user("bob")))
    codes = sorted(fresh_hash() for _ in range(3))
    await storage.transact(lambda catalog: catalog.put_recovery_codes(ada.id, [fresh_hash()]))
    await storage.transact(lambda catalog: catalog.put_recovery_codes(ada.id, codes[::-1]))
    await storage.transact(lambda catalog: catalog.put_recovery_codes(bob.id, codes))
    clock.forward(seconds=1)
    assert await storage.transact(lambda catalog: catalog.spend_recovery_code(ada.id, codes[1]))
    assert not await storage.transact(lambda catalog: catalog.spend_recovery_code(ada.id, codes[1]))
    assert not await storage.transact(lambda catalog: catalog.spend_recovery_code(ada.id, fresh_hash()))
    found = await storage.look(lambda catalog: catalog.recovery_codes_of(ada.id))
    assert [(code.code_hash, code.used_at) for code in found] == [(codes[0], None), (codes[1], clock.now()), (codes[2], None)]
    assert await storage.transact(lambda catalog: catalog.spend_recovery_code(bob.id, codes[1]))


async def test_recovery_code_of_many_tries_at_once_wins_once(database: Database) -> None:
    storages = [await database.open() for _ in range(2)]
    ada, code = a_user("ada"), fresh_hash()
    await storages[0].transact(lambda catalog: catalog.put_user(ada))
    await storages[0].transact(lambda catalog: catalog.put_recovery_codes(ada.id, [code]))
    tries = [storages[n % 2].transact(lambda catalog: catalog.spend_recovery_code(ada.id, code)) for n in range(10)]
    assert sum(await asyncio.gather(*tries)) == 1


# -- passkeys --------------------------------------------------------------------------------------------------------------------


async def test_passkeys_are_added_found_named_and_removed(storage: Storage, ada: User) -> None:
    bob = await storage.transact(lambda catalog: catalog.put_user(a_user("bob")))
    first, second = a_passkey(ada, credential_id=b"x" * 1023, sign_count=2**32 - 1), a_passkey(ada, name=None, transports=[])

    def work(catalog: Catalog) -> None:
        assert catalog.add_passkey(first)
        assert catalog.add_passkey(second)
        assert not catalog.add_passkey(replace(first, user_id=bob.id)), "known already, whoever has it"
        assert catalog.passkey(first.credential_id) == (first, ada)
        assert catalog.passkey(b"unknown") is None
        assert sorted(catalog.passkeys_of(ada.id), key=str) == sorted([first, second], key=str)
        assert not catalog.rename_passkey(bob.id, first.credential_id, "Mine")
        assert catalog.rename_passkey(ada.id, first.credential_id, "Tablet")
        assert not catalog.remove_passkey(bob.id, first.credential_id)
        assert catalog.remove_passkey(ada.id, second.credential_id)
        assert not catalog.remove_passkey(ada.id, second.credential_id)
        assert catalog.passkeys_of(ada.id) == [replace(first, name="Tablet")]
        catalog.put_user(replace(ada, disabled_at=NOW))
        assert catalog.passkey(first.credential_id) is None

    await storage.transact(work)


@pytest.mark.parametrize(
    ("stored", "shown", "is_taken"), [(0, 0, True), (0, 1, True), (5, 6, True), (5, 5, False), (5, 4, False), (5, 0, False)]
)
async def test_count_of_an_authenticator_must_grow(
    storage: Storage, ada: User, clock: MovableClock, stored: int, shown: int, *, is_taken: bool
) -> None:
    passkey = a_passkey(ada, sign_count=stored)
    await storage.transact(lambda catalog: catalog.add_passkey(passkey))
    clock.forward(seconds=1)
    assert await storage.transact(lambda catalog: catalog.use_passkey(passkey, shown)) is is_taken
    found = await storage.look(lambda catalog: catalog.passkey(passkey.credential_id))
    used = replace(passkey, sign_count=shown, last_used_at=clock.now())
    assert found == (used if is_taken else passkey, ada)


async def test_passkey_that_was_used_or_removed_meanwhile_is_not_taken(storage: Storage, ada: User) -> None:
    passkey = a_passkey(ada, sign_count=1)
    await storage.transact(lambda catalog: catalog.add_passkey(passkey))
    assert await storage.transact(lambda catalog: catalog.use_passkey(passkey, 5))
    assert not await storage.transact(lambda catalog: catalog.use_passkey(passkey, 6)), "read before the use"
    await storage.transact(lambda catalog: catalog.remove_passkey(ada.id, passkey.credential_id))
    assert not await storage.transact(lambda catalog: catalog.use_passkey(replace(passkey, sign_count=5), 6))
