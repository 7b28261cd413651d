"""Which known quirks shaped an answer: those that were on for its client, and without which it would have been another."""

import json
from collections.abc import Mapping
from datetime import datetime

from app.core.causes import Cause
from app.dialects import Door, quirks_on
from app.dialects.dialect import Dialect, Options, option_text
from app.dialects.file import QuirkTable
from app.ledger import StorageUnavailable
from app.messages import Refusal
from app.sandbox.recorder import Recorded
from app.sandbox.worlds import World


async def quirks_behind(world: World, door: object, recorded: Recorded) -> Mapping[str, QuirkTable]:
    """Return the quirks that shaped an answer of a door, by their names, as the client's options are now."""
    event = recorded.event
    if event is None or (client_id := event.client_id) is None or not isinstance(door, Door):
        return {}
    if not any(owner.dialect.quirks for owner in door.owners.values()):
        return {}
    try:
        client = await world.storage.look(lambda catalog: catalog.client(client_id))
    except StorageUnavailable:
        return {}
    if client is None or client.dialect not in door.owners:
        return {}
    dialect, options = door.owners[client.dialect].dialect, client.options
    on = quirks_on(dialect, options)
    if event.cause is None:
        return {name: quirk for name, quirk in on.items() if _shapes_success(dialect, quirk, event.grant or "")}
    cause = Cause(event.cause)
    return {name: quirk for name, quirk in on.items() if _shaped_refusal(dialect, options, quirk, recorded, cause, event.at)}


def _shapes_success(dialect: Dialect, quirk: QuirkTable, word: str) -> bool:
    """Whether a quirk has a say in the answer to a grant: in what it holds, or by which policy it was made."""
    option = dialect.tables.options[quirk.option][option_text(quirk.value)]
    grant = dialect.grants.get(word)
    return grant is not None and (grant.answer in option.answers or bool(option.policy) or word in option.grants)


def _shaped_refusal(dialect: Dialect, options: Options, quirk: QuirkTable, recorded: Recorded, cause: Cause, at: datetime) -> bool:
    """Whether a refusal was told by a quirk; what was refused before the client had proved itself is told as documented."""
    refusal = Refusal(cause)
    seen = dialect.variant(options).render_refusal(refusal, at)
    documented = dialect.variant({**options, quirk.option: False}).render_refusal(refusal, at)
    answer = recorded.status, recorded.response_body
    if answer in {seen, documented}:
        return seen != documented and answer == seen
    return _form(*answer) == _form(*seen) != _form(*documented)


def _form(status: int, body: bytes) -> tuple[int, list[str]]:
    """Return what tells two answers apart that use different words: the status, and the members."""
    try:
        members = json.loads(body)
    except ValueError:
        members = None
    return status, list(members) if isinstance(members, dict) else []
