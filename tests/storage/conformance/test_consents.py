"""Consents, what applications have of people, and the shops that people manage."""

from datetime import timedelta

import pytest

from app.core.secrets import new_id
from app.ledger import Needs, Writes
from app.models import Consent, Shop
from app.storage import Catalog, Storage
from tests.storage.conftest import MovableClock
from tests.storage.records import NOW, a_client, a_code, a_grant, a_shop, a_token, a_user

HOUR = timedelta(hours=1)
ADA, BOB = a_user("ada"), a_user("bob")


@pytest.fixture(autouse=True)
async def _people(storage: Storage) -> None:
    def put(catalog: Catalog) -> None:
        catalog.put_user(ADA)
        catalog.put_user(BOB)
        for client_id in ("a", "b", "c"):
            catalog.put_client(a_client(client_id, client_name=client_id.upper()))

    await storage.transact(put)


async def test_consent_grows_and_is_remembered_for_person_and_client(storage: Storage, clock: MovableClock) -> None:
    assert await storage.look(lambda catalog: catalog.consent(ADA.id, "a")) is None
    await storage.transact(lambda catalog: catalog.put_consent(ADA.id, "a", "write read"))
    clock.forward(days=1)
    grown = await storage.transact(lambda catalog: catalog.put_consent(ADA.id, "a", "read admin read"))
    assert grown == Consent(user_id=ADA.id, client_id="a", scope="write read admin", granted_at=clock.now())
    other = await storage.transact(lambda catalog: catalog.put_consent(ADA.id, "b", ""))
    assert other.scope == ""
    assert await storage.look(lambda catalog: catalog.consent(ADA.id, "a")) == grown
    assert await storage.look(lambda catalog: catalog.consents_of(ADA.id)) == [grown, other]
    assert await storage.look(lambda catalog: catalog.consent(BOB.id, "a")) is None


@pytest.mark.security("RF-11")
async def test_withdrawing_a_consent_revokes_what_was_granted_to_that_client_alone(storage: Storage) -> None:
    grants = {(user.id, client): a_grant(user_id=user.id, client_id=client) for user in (ADA, BOB) for client in ("a", "b")}
    tokens = {key: a_token(grant) for key, grant in grants.items()}
    await storage.commit(Writes(NOW, grants=list(grants.values()), tokens=list(tokens.values())))

    def work(catalog: Catalog) -> None:
        for user_id, client_id in grants:
            catalog.put_consent(user_id, client_id, "read")
        assert catalog.withdraw_consent(ADA.id, "a") == 1
        assert catalog.withdraw_consent(ADA.id, "a") == 0
        assert [consent.client_id for consent in catalog.consents_of(ADA.id)] == ["b"]

    await storage.transact(work)

    async def revoked() -> set[tuple[str, str]]:
        held = {key: (await storage.load(Needs(token_hash=token.token_hash))).token for key, token in tokens.items()}
        return {key for key, one in held.items() if one is not None and one.grant.revoked_at is not None}

    assert await revoked() == {(ADA.id, "a")}
    assert await storage.transact(lambda catalog: catalog.withdraw_consents(ADA.id)) == 1
    assert await revoked() == {(ADA.id, "a"), (ADA.id, "b")}
    assert await storage.look(lambda catalog: catalog.consents_of(ADA.id)) == []
    assert len(await storage.look(lambda catalog: catalog.consents_of(BOB.id))) == 2


async def test_consents_go_with_their_client(storage: Storage) -> None:
    await storage.transact(lambda catalog: catalog.put_consent(ADA.id, "a", "read"))
    await storage.transact(lambda catalog: catalog.remove_client("a"))
    assert await storage.look(lambda catalog: catalog.consents_of(ADA.id)) == []


async def test_apps_are_shown_with_what_they_have_and_when_it_was_last_used(storage: Storage, clock: MovableClock) -> None:
    one, two = a_shop("1"), a_shop("2")
    first = a_grant(client_id="a", user_id=ADA.id, scope="read", shop_id=two.id)
    second = a_grant(client_id="a", user_id=ADA.id, scope="write read", shop_id=one.id, created_at=NOW + HOUR)
    implicit = a_grant(client_id="b", user_id=ADA.id, scope="")
    unseen = [
        a_grant(client_id="c", user_id=ADA.id, expires_at=NOW),
        a_grant(client_id="c", user_id=ADA.id, revoked_at=NOW),
        a_grant(client_id="c", user_id=BOB.id),
        a_grant(client_id="c"),
    ]
    tokens = [
        a_token(first, "refresh", issued_at=NOW, last_used_at=NOW + 5 * HOUR),
        a_token(first, issued_at=NOW + 2 * HOUR),
        a_token(second, issued_at=NOW + 3 * HOUR),
        *(a_token(grant, issued_at=NOW + 9 * HOUR) for grant in unseen),
    ]

    def fill(catalog: Catalog) -> None:
        catalog.put_shop(one)
        catalog.put_shop(two)
        catalog.put_consent(ADA.id, "a", "write items")
        catalog.put_consent(ADA.id, "c", "read")

    await storage.commit(Writes(NOW, grants=[first, second, implicit, *unseen], codes=[a_code(implicit)], tokens=tokens))
    await storage.transact(fill)
    clock.forward(seconds=1)
    apps = await storage.look(lambda catalog: catalog.apps_of(ADA.id))
    shown = [(app.client_id, app.client_name, app.dialect, app.scopes, [shop.code for shop in app.shops]) for app in apps]
    assert shown[0] == ("a", "A", "standard", ("write", "items", "read"), ["1", "2"])
    assert sorted(shown[1:]) == [("b", "B", "standard", (), []), ("c", "C", "standard", ("read",), [])]
    uses = {app.client_id: (app.granted_at, app.last_used_at, app.is_remembered) for app in apps}
    assert uses == {
        "a": (NOW + HOUR, NOW + 5 * HOUR, True),
        "b": (NOW, None, False),
        "c": (NOW, None, True),
    }
    assert await storage.look(lambda catalog: catalog.apps_of(new_id())) == []


async def test_app_whose_client_was_removed_is_still_shown_while_grants_live(storage: Storage) -> None:
    await storage.commit(Writes(NOW, grants=[a_grant(client_id="gone", user_id=ADA.id)]))
    (app,) = await storage.look(lambda catalog: catalog.apps_of(ADA.id))
    assert (app.client_id, app.client_name, app.dialect) == ("gone", None, None)


async def test_shops_are_managed_by_people(storage: Storage) -> None:
    one, two, foreign = a_shop("1"), a_shop("2"), a_shop("1", dialect="another")

    def work(catalog: Catalog) -> None:
        for shop in (two, one, foreign):
            catalog.put_shop(shop)
            assert catalog.grant_user_shop(ADA.id, shop.id)
        assert not catalog.grant_user_shop(ADA.id, one.id)
        assert catalog.user_shops(ADA.id) == [foreign, one, two]
        assert catalog.user_shops(BOB.id) == []
        assert catalog.withdraw_user_shop(ADA.id, two.id)
        assert not catalog.withdraw_user_shop(ADA.id, two.id)
        assert not catalog.withdraw_user_shop(BOB.id, one.id)
        assert catalog.user_shops(ADA.id) == [foreign, one]

    await storage.transact(work)


async def test_managed_shops_are_those_that_person_and_client_share(storage: Storage) -> None:
    both, disabled = [a_shop(code) for code in ("3", "1", "2")], a_shop("4", disabled_at=NOW)
    hers, its, foreign = a_shop("5"), a_shop("6"), a_shop("1", dialect="another")

    def fill(catalog: Catalog) -> None:
        for shop in (*both, disabled, hers, its, foreign):
            catalog.put_shop(shop)
            if shop is not its:
                catalog.grant_user_shop(ADA.id, shop.id)
            if shop is not hers:
                catalog.grant_shop("a", shop.id)

    def work(catalog: Catalog) -> list[list[Shop]]:
        pairs = ((ADA.id, "a"), (BOB.id, "a"), (ADA.id, "b"), (ADA.id, "unknown"))
        return [catalog.managed_shops(user_id, client_id) for user_id, client_id in pairs]

    await storage.transact(fill)
    expected = [[both[1], both[2], both[0]], [], [], []]
    assert await storage.look(work) == expected
    assert await storage.transact(work) == expected
