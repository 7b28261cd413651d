"""Applying a file: all of it or nothing, additive, and without effect the second time."""

import asyncio
from collections.abc import Callable
from typing import Final

from app.admin import clients, resources, scopes, shops, users
from app.admin.document import D, Document, Entry, wrong
from app.admin.operator import Change, Desk, Operator, Overtaken
from app.admin.registration import ClientDeclaration
from app.admin.token_metadata import check_resources
from app.admin.user_passwords import Proof
from app.admin.users import UserDeclaration
from app.core.mistakes import Mistake
from app.core.passwords import login_key

_TRIES: Final = 4
_PAUSE: Final = 0.1
"""Seconds between two tries."""


class _Undo(Exception):  # noqa: N818 (an instruction)
    """Ends a transaction whose changes are to be shown and not made."""

    def __init__(self, changes: list[Change]) -> None:
        super().__init__()
        self.changes = changes


async def apply(operator: Operator, document: Document, *, dry_run: bool = False) -> list[Change]:
    """Bring the database to what a document declares and return what became of each object, in the order of the work.

    Nothing is deleted, and what the document does not mention stays. Where somebody else comes between, as when several processes
    start at once, it is done again. ``dry_run`` does the same work and takes it back: the changes are those that would be made; a
    client secret in them exists nowhere.

    Raises:
        Mistake: with the file, the table, the number and name of the object, the key and the reason; nothing is changed then.
        StorageUnavailable: the database is away.
    """
    for _ in range(_TRIES - 1):
        try:
            return await _apply(operator, document, dry_run=dry_run)
        except Overtaken:
            await asyncio.sleep(_PAUSE)
    return await _apply(operator, document, dry_run=dry_run)


async def _apply(operator: Operator, document: Document, *, dry_run: bool) -> list[Change]:
    proofs = await users.prove_passwords(operator, [entry.declared for entry in document.users])

    def work(desk: Desk) -> list[Change]:
        changes = _apply_all(desk, document, proofs)
        if dry_run:
            raise _Undo(changes)
        return changes

    try:
        return await operator.transact(work)
    except _Undo as undone:
        return undone.changes


def _apply_all(desk: Desk, document: Document, proofs: dict[str, Proof]) -> list[Change]:
    """Do the work in an order in which everything that is named is there."""
    problems: list[str] = []

    def each(entries: tuple[Entry[D], ...], put: Callable[[D], Change | None]) -> list[Change]:
        changes = []
        for entry in entries:
            try:
                change = put(entry.declared)
            except Overtaken:
                raise
            except Mistake as mistake:
                problems.append(f"{entry.where}: {mistake}")
                continue
            if change is not None:
                changes.append(change)
        return changes

    def put_user(declared: UserDeclaration) -> Change:
        return users.put(desk, declared, users.with_name(desk, declared.username), proofs.get(login_key(declared.username or "")))

    def check_client(declared: ClientDeclaration) -> Change | None:
        client = desk.catalog.client(declared.client_id or "")
        if client is not None:
            check_resources(desk, client)
        return None

    changes = [
        *each(document.scopes, lambda declared: scopes.put(desk, declared)),
        *each(document.shops, lambda declared: shops.put(desk, declared)),
        *each(document.users, put_user),
        *each(document.clients, lambda declared: clients.put(desk, declared)),
        *each(document.resources, lambda declared: resources.put(desk, declared)),
    ]
    each(document.clients, check_client)
    if problems:
        raise wrong(problems)
    return changes
