"""What an operator reads and changes."""

from dataclasses import replace
from datetime import timedelta

import pytest

from app.core.secrets import new_id
from app.ledger import Needs, Writes
from app.models import AuditEvent, Client, Grant, Scope, Token, User
from app.storage import Catalog, Storage
from tests.storage.conftest import MovableClock
from tests.storage.records import NOW, a_client, a_code, a_grant, a_secret, a_shop, a_token, a_user


async def test_client_is_stored_read_changed_and_removed(storage: Storage, clock: MovableClock) -> None:
    assert await storage.transact(lambda catalog: catalog.client("client")) is None
    made = await storage.transact(lambda catalog: catalog.put_client(a_client(created_at=NOW - timedelta(days=9))))
    assert (made.created_at, made.updated_at, made.secrets) == (NOW, NOW, ())
    clock.forward(seconds=1)
    changed = await storage.transact(lambda catalog: catalog.put_client(replace(made, scope="read", options={"x": "y"})))
    assert changed == replace(made, scope="read", options={"x": "y"}, version=made.version + 1, updated_at=clock.now())
    assert await storage.transact(lambda catalog: catalog.client("client")) == changed
    assert await storage.transact(lambda catalog: catalog.remove_client("client"))
    assert not await storage.transact(lambda catalog: catalog.remove_client("client"))
    assert await storage.transact(lambda catalog: catalog.client("client")) is None


async def test_clients_are_listed_by_pages_with_their_secrets(storage: Storage) -> None:
    def work(catalog: Catalog) -> list[list[Client]]:
        for name in ("c", "a", "b"):
            catalog.put_client(a_client(name))
            catalog.add_secret(a_secret(name))
        return [catalog.clients(limit=2), catalog.clients(after="b"), catalog.clients(after="c")]

    first, second, third = await storage.transact(work)
    assert [[client.client_id for client in page] for page in (first, second, third)] == [["a", "b"], ["c"], []]
    assert all(client.secrets[0].client_id == client.client_id for client in first + second)


async def test_secrets_go_with_their_client_and_are_found_by_digest(storage: Storage) -> None:
    known, other = a_secret(expires_at=NOW), a_secret()

    def work(catalog: Catalog) -> None:
        catalog.put_client(a_client())
        catalog.add_secret(known)
        catalog.add_secret(other)
        assert catalog.secrets_among({known.secret_hash, b"x" * 32}) == [known]
        assert catalog.secrets_among([]) == []
        assert catalog.remove_secret("client", known.id)
        assert not catalog.remove_secret("another", other.id)
        assert catalog.secrets_among([known.secret_hash]) == []
        catalog.remove_client("client")
        assert catalog.secrets_among([other.secret_hash]) == []

    await storage.transact(work)


async def test_shops_are_granted_and_withdrawn(storage: Storage) -> None:
    one, two = a_shop("1"), a_shop("2", name=None)

    def work(catalog: Catalog) -> None:
        catalog.put_client(a_client())
        for shop in (two, one):
            catalog.put_shop(shop)
            catalog.grant_shop("client", shop.id)
            catalog.grant_shop("client", shop.id)
        assert catalog.shops_of("client") == [one, two]
        assert catalog.withdraw_shop("client", one.id)
        assert not catalog.withdraw_shop("client", one.id)
        assert catalog.shops_of("client") == [two]
        assert catalog.shops_of("unknown") == []

    await storage.transact(work)


async def test_shops_are_read_listed_and_changed(storage: Storage) -> None:
    shops = [a_shop(str(n)) for n in range(3)]

    def work(catalog: Catalog) -> None:
        for shop in (*shops, a_shop("0", dialect="other")):
            catalog.put_shop(shop)
        assert catalog.shop("standard", "1") == shops[1]
        assert catalog.shop("standard", "9") is None
        assert catalog.shops("standard", limit=2) == shops[:2]
        assert catalog.shops("standard", after="1") == shops[2:]
        changed = replace(shops[1], name="Other", disabled_at=NOW)
        assert catalog.put_shop(changed) == changed
        assert catalog.shop("standard", "1") == changed

    await storage.transact(work)


async def test_users_are_stored_found_listed_and_changed(storage: Storage, clock: MovableClock) -> None:
    ada, bob = a_user("ada"), a_user("bob", email=None, email_key=None)

    def put(catalog: Catalog) -> list[User]:
        return [catalog.put_user(user) for user in (bob, ada)]

    await storage.transact(put)
    clock.forward(days=1)

    def work(catalog: Catalog) -> None:
        assert catalog.user(ada.id) == ada
        assert catalog.user("unknown") is None
        assert catalog.user_by_login("ada") == catalog.user_by_login("ada@example.org") == ada
        assert catalog.user_by_login("nobody") is None
        assert catalog.users() == [ada, bob]
        assert (catalog.users(limit=1), catalog.users(after="ada")) == ([ada], [bob])
        changed = catalog.put_user(replace(ada, name="Countess", created_at=clock.now()))
        assert changed == replace(ada, name="Countess", updated_at=clock.now())
        assert catalog.user(ada.id) == changed

    await storage.transact(work)


async def test_scopes_and_properties_are_set_and_read(storage: Storage) -> None:
    def work(catalog: Catalog) -> None:
        catalog.put_scope(Scope(name="write", title={"en": "Write", "zh": "写"}))
        catalog.put_scope(Scope(name="read", title={"en": "Read"}))
        catalog.put_scope(Scope(name="read", title={"en": "Read all"}))
        assert catalog.scope("read") == Scope(name="read", title={"en": "Read all"})
        assert catalog.scope("unknown") is None
        assert [scope.name for scope in catalog.scopes()] == ["read", "write"]
        assert catalog.property("sandbox") is None
        catalog.set_property("sandbox", "yes")
        catalog.set_property("sandbox", "no")
        assert catalog.property("sandbox") == "no"

    await storage.transact(work)


async def test_operator_issues_a_code(storage: Storage) -> None:
    grant = a_grant()
    code = a_code(grant)

    def work(catalog: Catalog) -> None:
        catalog.add_grant(grant)
        catalog.add_authorization_code(code)

    await storage.transact(work)
    held = (await storage.load(Needs(code_hash=code.code_hash))).code
    assert held is not None
    assert (held.record, held.grant) == (code, grant)


@pytest.mark.security("RF-11")
async def test_grants_are_revoked_by_client_by_user_or_by_both(storage: Storage, clock: MovableClock) -> None:
    def of(client_id: str, user_id: str | None) -> tuple[Grant, Token]:
        grant = a_grant(client_id=client_id, user_id=user_id)
        return grant, a_token(grant)

    ada, bob = new_id(), new_id()
    families = [of("one", ada), of("one", bob), of("two", ada), of("two", None)]
    await storage.commit(Writes(NOW, grants=[grant for grant, _ in families], tokens=[token for _, token in families]))
    clock.forward(seconds=1)

    async def revoked() -> list[bool]:
        held = [(await storage.load(Needs(token_hash=token.token_hash))).token for _, token in families]
        return [one is not None and one.grant.revoked_at == clock.now() for one in held]

    assert await storage.transact(lambda catalog: catalog.revoke_grants(client_id="one", user_id=ada)) == 1
    assert await revoked() == [True, False, False, False]
    assert await storage.transact(lambda catalog: catalog.revoke_grants(user_id=ada)) == 1
    assert await revoked() == [True, False, True, False]
    assert await storage.transact(lambda catalog: catalog.revoke_grants(client_id="one")) == 1
    assert await revoked() == [True, True, True, False]
    with pytest.raises(ValueError, match="whose grants"):
        await storage.transact(lambda catalog: catalog.revoke_grants())


@pytest.mark.security("AD-09")
async def test_audit_events_are_listed_latest_first(storage: Storage) -> None:
    events = [
        AuditEvent(
            id=new_id(),
            at=NOW + timedelta(seconds=n),
            actor="operator",
            action="client.changed",
            subject=f"client-{n}",
            before=None if n == 0 else {"scope": "read", "list": [1]},
            after={} if n == 1 else {"scope": None},
        )
        for n in range(4)
    ]

    def work(catalog: Catalog) -> None:
        for event in events:
            catalog.add_audit_event(event)
        assert catalog.audit_events(limit=2) == [events[3], events[2]]
        assert catalog.audit_events(before=events[2].at) == [events[1], events[0]]

    await storage.transact(work)
