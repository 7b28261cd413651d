"""Clients: registering, changing and looking at them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from app.admin import client_secrets, shops
from app.admin.fields import Refused
from app.admin.operator import Change, Desk, Expected, Operator, Status, changed, text_of, unknown
from app.admin.registration import ClientDeclaration, declare_client, merged, new_client
from app.admin.token_metadata import check_resources
from app.dialects import Dialects, quirks_on, strictness_of
from app.models import Client, Shop

View = dict[str, object]


def _members(client: Client, granted: Sequence[Shop] | None) -> View:
    """Return what an operator decides about a client, under the keys by which it is declared; secrets by their ids alone."""
    return {
        "client_id": client.client_id,
        "client_name": client.client_name,
        "dialect": client.dialect,
        "grant_types": client.grant_types,
        "response_types": client.response_types,
        "redirect_uris": client.redirect_uris,
        "scope": client.scope,
        "token_endpoint_auth_method": client.token_endpoint_auth_method,
        "post_logout_redirect_uris": client.post_logout_redirect_uris,
        "allowed_origins": client.allowed_origins,
        **({} if granted is None else {"shops": [shop.code for shop in granted]}),
        **client.options,
        **client.extra,
        "client_secret": client_secrets.view(client),
        "disabled_at": text_of(client.disabled_at),
    }


def view(client: Client, dialects: Dialects, granted: Sequence[Shop] | None = None) -> View:
    """Return what may be shown of a client; its strictness, and the quirks by name that are on, where its dialect is loaded."""
    members = _members(client, granted)
    members["secrets"] = members.pop("client_secret")
    dialect = dialects.by_name.get(client.dialect)
    if dialect is not None:
        members |= {"strictness": strictness_of(dialect, client.options), "quirks": list(quirks_on(dialect, client.options))}
    return {**members, "version": client.version, "created_at": text_of(client.created_at), "updated_at": text_of(client.updated_at)}


def find(desk: Desk, client_id: str) -> Client:
    """Return a client.

    Raises:
        Mistake: there is none.
    """
    client = desk.catalog.client(client_id)
    if client is None:
        raise unknown(f"client {client_id}")
    return client


def put(desk: Desk, declared: ClientDeclaration, expected: Expected = Expected.EITHER) -> Change:
    """Register a client, or change it where the declaration differs from what is there.

    Whether its default resources are there is the caller's to check (:func:`app.admin.token_metadata.check_resources`).

    Raises:
        Refused: a value cannot be, or members do not fit together.
        Mistake: the client is there and should not be, or the other way round.
    """
    catalog = desk.catalog
    there = catalog.client(declared.client_id) if declared.client_id else None
    expected.check(there, f"client {declared.client_id}")
    before = _members(there, catalog.shops_of(there.client_id)) if there else None
    client = merged(there, declared, desk.dialects) if there else new_client(declared, desk.dialects, desk.now)
    if client != there:
        client = catalog.put_client(client)
    if declared.disabled is not None:
        _set_disabled(desk, client, desk.now if declared.disabled else None)
        client = find(desk, client.client_id)
    if declared.client_secret_hashes is not None:
        client_secrets.settle_hashes(desk, client, declared.client_secret_hashes)
    made = client_secrets.settle(desk, client, declared.client_secret)
    for code in declared.shops:
        catalog.grant_shop(client.client_id, shops.granted(desk, client.dialect, code).id)
    granted = catalog.shops_of(client.client_id) if there or declared.shops else []
    return _noted(desk, before, _members(client, granted), "client.update" if there else "client.create", made)


def _noted(desk: Desk, before: View | None, after: View, action: str, made: str | None) -> Change:
    """Write down how a client differs from what it was, if it does."""
    names = changed(before or {}, after)
    if names:
        desk.note(action, f"client {after['client_id']}", before, after)
    status = Status.UNCHANGED if not names else Status.UPDATED if before else Status.CREATED
    return Change(noun="client", name=str(after["client_id"]), status=status, members=names if before else (), secret=made)


async def create_client(operator: Operator, values: Mapping[str, object]) -> Change:
    """Register a client; the change carries the secret that was made for it.

    Raises:
        Mistake: a value cannot be, or the client is there already.
    """
    declared = declare_client(values, operator.dialects)
    return await operator.transact(lambda desk: _checked(desk, put(desk, declared, Expected.NEW)))


async def update_client(operator: Operator, client_id: str, values: Mapping[str, object]) -> Change:
    """Change the declared members of a client; an empty value clears one.

    Raises:
        Mistake: a value cannot be, or there is no such client.
    """
    if "client_id" in values:
        raise Refused("client_id", "cannot change: register another client")
    declared = replace(declare_client(values, operator.dialects), client_id=client_id)
    return await operator.transact(lambda desk: _checked(desk, put(desk, declared, Expected.THERE)))


def _checked(desk: Desk, change: Change) -> Change:
    check_resources(desk, find(desk, change.name))
    return change


async def list_clients(operator: Operator) -> list[View]:
    """Return all clients by their id, without their shops; of very many, as :meth:`app.admin.Operator.read` does."""
    return await operator.read(
        lambda desk, after: ((client.client_id, view(client, desk.dialects)) for client in desk.catalog.clients(after))
    )


async def show_client(operator: Operator, client_id: str) -> View:
    """Return one client.

    Raises:
        Mistake: there is none.
    """
    return await operator.look(lambda desk: view(find(desk, client_id), desk.dialects, desk.catalog.shops_of(client_id)))


async def disable_client(operator: Operator, client_id: str) -> Change:
    """Refuse a client and everything it was given, at once and until it is enabled again.

    Raises:
        Mistake: there is no such client.
    """
    return await _changed(operator, client_id, "client.disable", lambda desk, client: _set_disabled(desk, client, desk.now))


async def enable_client(operator: Operator, client_id: str) -> Change:
    """Serve a disabled client again.

    Raises:
        Mistake: there is no such client.
    """
    return await _changed(operator, client_id, "client.enable", lambda desk, client: _set_disabled(desk, client, None))


async def rotate_secret(operator: Operator, client_id: str, secret: str | None = None, *, keep_old_in: int = 0) -> Change:
    """Give a client another secret, one of our making where none is declared; the old ones live ``keep_old_in`` seconds more.

    Raises:
        Mistake: there is no such client, it is public, or the secret may not be declared.
    """
    declared = declare_client({"client_secret": secret}, operator.dialects).client_secret
    return await _changed(
        operator, client_id, "client.rotate_secret", lambda desk, client: client_secrets.rotate(desk, client, declared, keep_old_in)
    )


async def grant_shop(operator: Operator, client_id: str, code: str) -> Change:
    """Let a client act for a shop of its dialect.

    Raises:
        Mistake: there is no such client or shop.
    """
    return await _changed(
        operator,
        client_id,
        "client.grant_shop",
        lambda desk, client: desk.catalog.grant_shop(client_id, shops.find(desk, client.dialect, code).id),
    )


async def withdraw_shop(operator: Operator, client_id: str, code: str) -> Change:
    """Let a client no longer act for a shop, and revoke what it was granted for it.

    Raises:
        Mistake: there is no such client or shop.
    """

    def work(desk: Desk, client: Client) -> None:
        shop = shops.find(desk, client.dialect, code)
        desk.catalog.withdraw_shop(client_id, shop.id)
        desk.catalog.revoke_grants(client_id=client_id, shop_id=shop.id)

    return await _changed(operator, client_id, "client.withdraw_shop", work)


def _set_disabled(desk: Desk, client: Client, at: datetime | None) -> None:
    if (client.disabled_at is None) != (at is None):
        desk.catalog.put_client(replace(client, disabled_at=at))


async def _changed(operator: Operator, client_id: str, action: str, work: Callable[[Desk, Client], str | None]) -> Change:
    """Do some work on a client that is there, and note what it changed."""

    def noted(desk: Desk) -> Change:
        client = find(desk, client_id)
        before = _members(client, desk.catalog.shops_of(client_id))
        made = work(desk, client)
        return _noted(desk, before, _members(find(desk, client_id), desk.catalog.shops_of(client_id)), action, made)

    return await operator.transact(noted)
