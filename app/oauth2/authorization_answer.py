"""How an authorization request is answered: by a question to the person, a redirect to the client, or a page where none may be."""

from collections.abc import Iterable
from dataclasses import replace

from app.core.causes import STANDARD_ANSWERS, Cause
from app.core.policy import Policy, RefreshRule
from app.messages import Ask, ErrorPage, Redirect, Refusal, Step, Unsigned
from app.models import Consent
from app.oauth2.authorization_exchange import WEB, AuthorizationExchange


def question(exchange: AuthorizationExchange, step: Step, *, refreshable: bool) -> Ask:
    """Return what the person is asked; ``refreshable`` tells whether the client would be able to renew its token."""
    parameters = exchange.message.parameters
    remembered = exchange.remembered_scopes or ()
    shops = exchange.shops
    policy = exchange.answered_type.policy_with_shop if shops else exchange.message.policy
    return Ask(
        step=step,
        client=exchange.client,
        redirect_uri=exchange.effective_redirect_uri,
        prompt=exchange.wishes.prompt,
        login_hint=parameters.get("login_hint"),
        ui_locales=parameters.get("ui_locales"),
        user=exchange.visit.user,
        scopes=exchange.scopes,
        new_scopes=tuple(name for name in exchange.scopes if name not in remembered),
        shops=shops,
        access_token_expires_in=policy.access_token_expires_in,
        renewable_in=renewable_in(policy) if refreshable else None,
        is_remembered=exchange.is_remembered,
    )


def renewable_in(policy: Policy) -> int:
    """Return for how many seconds tokens can be renewed without the person; 0 means until it is revoked."""
    ends = [policy.family_expires_in]
    if policy.refresh_rule is not RefreshRule.ROTATE:
        ends.append(policy.refresh_token_expires_in)
    return min((end for end in ends if end), default=0)


def success(exchange: AuthorizationExchange, members: Iterable[tuple[str, str | Unsigned]], issuer: str) -> Redirect:
    """Return the redirect that carries what was granted."""
    return replace(
        _redirect(exchange, members, issuer),
        consent=_consent(exchange),
        user_id=exchange.user.id,
        shop=exchange.shop.code if exchange.shop is not None else None,
    )


def failure(exchange: AuthorizationExchange, refusal: Refusal, issuer: str) -> Redirect | ErrorPage:
    """Return the redirect that tells an error (RFC 6749 §4.1.2.1, §4.2.2.1), or a page where the client is not to learn it that way.

    That is so where the person's own form was wrong, and where an answer is wanted in a way that the redirect URI cannot take.
    """
    is_for_the_person = refusal.cause is Cause.UNKNOWN_SHOP
    is_unreachable = refusal.cause is Cause.UNSUPPORTED_RESPONSE_MODE and not exchange.effective_redirect_uri.startswith(WEB)
    if is_for_the_person or is_unreachable:
        return ErrorPage(refusal=refusal, client=exchange.client)
    members = [("error", STANDARD_ANSWERS[refusal.cause].error), ("error_description", refusal.description)]
    user = exchange.visit.user
    return replace(_redirect(exchange, members, issuer), refusal=refusal, user_id=user.id if user is not None else None)


def _redirect(exchange: AuthorizationExchange, members: Iterable[tuple[str, str | Unsigned]], issuer: str) -> Redirect:
    """Return a redirect with the members, the state as it was sent, and the issuer where the dialect names it (RFC 9207)."""
    message = exchange.message
    return Redirect(
        redirect_uri=exchange.effective_redirect_uri,
        members=tuple(members),
        response_mode=exchange.response_mode,
        state=message.state,
        issuer=issuer if message.policy.iss else None,
        client=exchange.client,
    )


def _consent(exchange: AuthorizationExchange) -> Consent | None:
    """Return what is to be remembered of the person's answer: all they ever allowed this client, in the order they did."""
    if exchange.answer is None or not exchange.is_remembered:
        return None
    return Consent(
        user_id=exchange.user.id,
        client_id=exchange.client.client_id,
        scope=" ".join(dict.fromkeys((*(exchange.remembered_scopes or ()), *exchange.scopes))),
        granted_at=exchange.now,
    )
