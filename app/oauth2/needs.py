"""What must be loaded for a request before it can be decided."""

from collections.abc import Sequence

from app.core.resources import sought
from app.ledger import Needs
from app.messages import Endpoint, Request
from app.oauth2.grants import NEEDS
from app.oauth2.presented import token_key
from app.oauth2.verification import attempt_keys


def needs_of(candidates: Sequence[Request]) -> Needs:
    """Return what must be loaded for a request, whichever of its readings turns out to be the right one."""
    first = candidates[0]
    needs = Needs(first.credentials.client_id, attempts=attempt_keys(first))
    for message in candidates:
        if message.endpoint is Endpoint.USERINFO:
            needs.bearer_hash = token_key(message.bearer) if message.bearer is not None else None
        elif message.endpoint is not Endpoint.TOKEN:
            token = message.parameters.get("token")
            needs.token_hash = token_key(token) if token else None
        elif message.grant_type:
            for name, key in NEEDS[message.grant_type](message).items():
                setattr(needs, name, key)
            if "resource" in message.parameters:
                needs.resources = sought(message.parameters["resource"])
    return needs
