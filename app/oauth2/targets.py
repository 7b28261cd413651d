"""For whom an access token is, and what it may do there (RFC 8707).

| the request names             | the token is for                                   | and holds, of the scope                        |
| ----------------------------- | -------------------------------------------------- | ---------------------------------------------- |
| resources, for a code         | those, and this server where it asks for openid    | what those know, and this server's own scopes  |
| resources, for a token        | those alone, of what the person allowed            | what those know                                |
| none, where the person        | all that they allowed, and this server where they  | all                                            |
| allowed it for some           | allowed openid                                     |                                                |
| none                          | the client's default resources, or nobody named    | all                                            |

This server is a resource under the name of its issuer: its scopes are those of OpenID Connect, and what they open is the userinfo
endpoint. Every other resource is one that an operator has declared. A token for a resource that knows none of its scopes is refused: a
resource that looks at nothing but the audience would take it.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from app.core.causes import Cause
from app.core.claims import OPENID, SCOPES
from app.core.resources import MAXIMUM_RESOURCES, is_resource, resources_of
from app.core.scopes import scopes_of
from app.messages import Refusal
from app.models import Grant, Resource
from app.oauth2.request import ExchangeRequest


class Target(NamedTuple):
    """Whom a token is for, by their URIs, and its scope; nobody in particular without a URI."""

    audience: tuple[str, ...]
    scope: str


def is_aimed(request: ExchangeRequest, family: Grant | None) -> bool:
    """Whether anything says whom a token is for; most requests do not, and need not pay for the question."""
    return "resource" in request.message.parameters or bool(request.client.extra) or (family is not None and family.resource is not None)


def target_of(request: ExchangeRequest, issuer: str, scope: str, family: Grant | None = None) -> Target:
    """Return whom a token of the scope is for; ``family`` is the grant where a person allowed something before.

    Raises:
        Refusal: a resource is named that is none, that the person did not allow, or that knows none of the scopes.
    """
    named = request.message.parameters.get("resource")
    if named is None:
        return granted_target(request, issuer, scope, family)
    uris = _named(named)
    granted = _granted(family)
    if granted and not set(uris).issubset(_with_issuer(granted, issuer, scope)):
        raise Refusal(Cause.BAD_TARGET, "The resource goes beyond what was granted.")
    return Target(uris, _narrowed(scope, _scopes_by(uris, request.facts.resources, issuer), ()))


def granted_target(request: ExchangeRequest, issuer: str, scope: str, family: Grant | None) -> Target:
    """Return whom a token of the scope is for where its request does not say: all that was allowed, or the client's defaults."""
    return Target(_with_issuer(_granted(family) or tuple(request.client.default_resources), issuer, scope), scope)


def asked_scope(named: str, resources: Mapping[str, Resource], issuer: str, scope: str) -> str:
    """Return the scope that a person is asked to allow by a request that names resources.

    Raises:
        Refusal: one of them is none, or knows none of the scopes.
    """
    return _narrowed(scope, _scopes_by(_named(named), resources, issuer), SCOPES)


def _granted(family: Grant | None) -> tuple[str, ...]:
    return resources_of(family.resource) if family is not None and family.resource is not None else ()


def _with_issuer(audience: tuple[str, ...], issuer: str, scope: str) -> tuple[str, ...]:
    """Return an audience with this server in it, where the token will be shown to it."""
    return (*audience, issuer) if audience and issuer not in audience and OPENID in scopes_of(scope) else audience


def _named(text: str) -> tuple[str, ...]:
    uris = resources_of(text)
    if len(uris) > MAXIMUM_RESOURCES:
        raise Refusal(Cause.BAD_TARGET, f"The request names more than {MAXIMUM_RESOURCES} resources.")
    if not uris or not all(map(is_resource, uris)):
        raise Refusal(Cause.BAD_TARGET, "A resource is named by an absolute URI without a fragment.")
    return uris


def _scopes_by(uris: Iterable[str], resources: Mapping[str, Resource], issuer: str) -> list[frozenset[str]]:
    """Return the scopes that each resource knows."""
    found = []
    for uri in uris:
        resource = resources.get(uri)
        if uri != issuer and (resource is None or resource.disabled_at is not None):
            raise Refusal(Cause.BAD_TARGET, detail="unknown resource" if resource is None else "the resource is disabled")
        found.append(frozenset(SCOPES if uri == issuer or resource is None else scopes_of(resource.scope)))
    return found


def _narrowed(scope: str, known: list[frozenset[str]], always: Iterable[str]) -> str:
    """Return what of a scope is known to one of the resources, or kept always; each must know something of it."""
    scopes = scopes_of(scope)
    if any(own.isdisjoint(scopes) for own in known):
        raise Refusal(Cause.BAD_TARGET, "The resource knows none of the scopes that are asked for.")
    kept = frozenset(always).union(*known)
    return " ".join(name for name in scopes if name in kept)
