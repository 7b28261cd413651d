"""What comes next for a sound authorization request: the one place that decides whether, and what, a person is asked.

| the person                                                   | next    | with ``prompt=none``   |
| ------------------------------------------------------------ | ------- | ---------------------- |
| is not logged in, or not as the request demands              | LOGIN   | login_required         |
| has just logged in, but is not whom the request names        | login_required as well            |
| could prove better who they are, as the request demands      | LOGIN   | login_required         |
| has just answered, or so much that there is nothing to pick  | ISSUE   |                        |
| was never asked, was asked about less, must be asked again   | CONSENT | consent_required       |
| has just answered something else                             | CONSENT |                        |
| has allowed it before, but there are several shops           | CONSENT | interaction_required   |
| has allowed it before                                        | ISSUE   | ISSUE                  |
"""

from app.core.causes import Cause
from app.messages import Refusal, Step
from app.models import Session, User
from app.oauth2.authorization_exchange import AuthorizationExchange


def next_step(exchange: AuthorizationExchange) -> Step:
    """Return what comes next; ``ISSUE`` also where the person's answer was a refusal, which is then told.

    Raises:
        Refusal: the person would have to be asked, and ``prompt=none`` forbids it; or they cannot prove who they are as is demanded.
    """
    wishes, answer = exchange.wishes, exchange.answer
    if not is_logged_in(exchange):
        if _is_somebody_else(exchange):
            raise Refusal(Cause.LOGIN_REQUIRED, "Somebody else has logged in than the one whom the request names.")
        return _asking(exchange, Step.LOGIN, Cause.LOGIN_REQUIRED)
    if wishes.acrs is not None and exchange.acr not in wishes.acrs:
        return _prove_better(exchange)
    if answer is not None and (not answer.approved or answer.shop is not None or not exchange.shops):
        return Step.ISSUE
    if wishes.fresh_consent or exchange.is_misunderstood or not _is_covered(exchange):
        return _asking(exchange, Step.CONSENT, Cause.CONSENT_REQUIRED)
    if len(exchange.shops) > 1:
        return _asking(exchange, Step.CONSENT, Cause.INTERACTION_REQUIRED)
    return Step.ISSUE


def _asking(exchange: AuthorizationExchange, step: Step, otherwise: Cause) -> Step:
    if exchange.wishes.is_silent:
        raise Refusal(otherwise)
    return step


def _prove_better(exchange: AuthorizationExchange) -> Step:
    """Let somebody log in anew who has a second factor that this session did not see; refuse whoever has none (Core §5.5.1.1)."""
    session, user, asked_at = exchange.visit.session, exchange.visit.user, exchange.message.asked_at
    was_just_now = session is None or (asked_at is not None and session.created_at >= asked_at)
    if user is None or user.second_factor_at is None or was_just_now:
        raise Refusal(Cause.UNMET_AUTHENTICATION)
    return _asking(exchange, Step.LOGIN, Cause.LOGIN_REQUIRED)


def is_logged_in(exchange: AuthorizationExchange) -> bool:
    """Whether somebody is logged in, in a way that the request accepts."""
    session, user, message, wishes = exchange.visit.session, exchange.visit.user, exchange.message, exchange.wishes
    if session is None or user is None or not _stands(session, user, exchange):
        return False
    if message.subject is not None and message.subject != exchange.subject:
        return False
    if wishes.subjects is not None and exchange.subject not in wishes.subjects:
        return False
    if message.asked_at is not None and session.created_at >= message.asked_at:
        return True
    is_young = wishes.max_age is None or (exchange.now - session.created_at).total_seconds() <= wishes.max_age
    return is_young and not wishes.fresh_login


def _is_somebody_else(exchange: AuthorizationExchange) -> bool:
    """Whether somebody has logged in since the request, and is not whom it names (Core §3.1.2.1 on ``id_token_hint``, §5.5.1)."""
    session, user, message, wishes = exchange.visit.session, exchange.visit.user, exchange.message, exchange.wishes
    if session is None or user is None or message.asked_at is None or session.created_at < message.asked_at:
        return False
    named = message.subject is not None and message.subject != exchange.subject
    return _stands(session, user, exchange) and (named or (wishes.subjects is not None and exchange.subject not in wishes.subjects))


def _stands(session: Session, user: User, exchange: AuthorizationExchange) -> bool:
    """Whether a session is its user's, and neither of them has ended.

    A changed password is no matter here: it ends sessions when it changes, except the one in which the person changed it.
    """
    return session.user_id == user.id and user.disabled_at is None and session.expires_at > exchange.now


def _is_covered(exchange: AuthorizationExchange) -> bool:
    """Whether what is asked was allowed before, and that still counts."""
    remembered = exchange.remembered_scopes
    return exchange.is_remembered and remembered is not None and set(exchange.scopes).issubset(remembered)
