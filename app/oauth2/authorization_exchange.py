"""One request to the authorization endpoint: who asks, where the answer goes, and what is known of the person at the browser."""

from datetime import datetime
from typing import Final

from app.core.causes import Cause
from app.core.claims import OPENID, acr_of, scopes_for
from app.core.policy import ConsentRule, ShopRule
from app.core.redirect_uris import has_verified_origin, is_registered
from app.core.scopes import scopes_of
from app.ledger import Facts, Visit
from app.messages import AuthorizationRequest, Decision, Proofs, Refusal, ResponseType
from app.models import Client, Shop
from app.oauth2.request import ExchangeRequest
from app.oauth2.requested_claims import RequestedClaims, read_claims
from app.oauth2.subjects import Subjects
from app.oauth2.wishes import Wishes

WEB: Final = ("https://", "http://")
FORM_POST: Final = "form_post"


class AuthorizationExchange(ExchangeRequest):
    """The message, what was found for it, and what it wants written; addressed once :meth:`address` has passed."""

    message: AuthorizationRequest
    client: Client

    def __init__(self, message: AuthorizationRequest, visit: Visit, decision: Decision | None, now: datetime, subjects: Subjects) -> None:
        super().__init__(message, Facts(client=visit.client, resources=visit.resources), Proofs(), now)
        self.visit = visit
        self.wishes = Wishes()
        self.claims = RequestedClaims()
        self._subjects = subjects
        self._decision = decision
        self.effective_redirect_uri = ""
        self.shop: Shop | None = None

    def address(self) -> None:
        """Find out which client asks and which redirect URI its answers go to (RFC 6749 §3.1.2.3).

        Raises:
            Refusal: one of them is not certain. It must never be told by a redirect.
        """
        message, client = self.message, self.visit.client
        if message.refusal is not None and not message.is_certain:
            raise message.refusal
        if client is None or client.disabled_at is not None:
            raise Refusal(Cause.UNKNOWN_CLIENT, detail="unknown client" if client is None else "the client is disabled")
        if client.dialect != message.dialect:
            raise Refusal(Cause.FOREIGN_DIALECT, detail=f"the client speaks {client.dialect}")
        self.client = client
        self.effective_redirect_uri = self._find_redirect_uri(message.parameters.get("redirect_uri"))

    def _find_redirect_uri(self, sent: str | None) -> str:
        message, client = self.message, self.client
        if sent is not None:
            any_port = message.policy.any_loopback_port and client.is_public
            if not is_registered(sent, client.redirect_uris, any_loopback_port=any_port):
                raise Refusal(Cause.UNREGISTERED_REDIRECT_URI)
            return sent
        # A request of OpenID Connect must say where its answer goes (Core §3.1.2.1).
        if "redirect_uri" in message.required or OPENID in scopes_of(message.parameters.get("scope", "")):
            raise Refusal(Cause.MISSING_PARAMETER, f"The parameter {message.required.get('redirect_uri', 'redirect_uri')} is missing.")
        only = client.get_default_redirect_uri()
        if only is None:
            raise Refusal(Cause.MISSING_PARAMETER, "The client has not exactly one redirect_uri: the request must name one.")
        return only

    @property
    def response_mode(self) -> str:
        """Return how the answer travels; a form is posted to the web alone, where nothing else can be made of its address."""
        mode = self.message.response_mode
        is_web = self.effective_redirect_uri.startswith(WEB)
        return mode if mode != FORM_POST or is_web else self.answered_type.modes[0]

    @property
    def answered_type(self) -> ResponseType:
        """Return the response type by which the request is answered."""
        return self.message.response_types[self.message.response_type]

    @property
    def is_openid(self) -> bool:
        """Whether this is a request of OpenID Connect (Core §3.1.2.1)."""
        return self.message.policy.id_token and OPENID in scopes_of(self.scope or "")

    def read_wishes(self) -> None:
        """Read what the request says of the person's login, and what it wants to be told of them.

        Raises:
            Refusal: it cannot be read.
        """
        text = self.message.parameters.get("claims") if self.is_openid else None
        if text is not None:
            self.claims = read_claims(text, scopes_of(self.client.scope))
        self.wishes = Wishes.of(self.message, self.client.default_max_age, self.claims)

    @property
    def scopes(self) -> tuple[str, ...]:
        """Return what would be granted, in the words that a person is asked: a claim counts as the scope that it belongs to."""
        granted = scopes_of(self.scope or "")
        return (*granted, *(scope for scope in scopes_for(self.claims.names) if scope not in granted))

    @property
    def subject(self) -> str | None:
        """Return who is logged in, as the client knows them."""
        user = self.visit.user
        return self._subjects.of(self.client, user.id) if user is not None else None

    @property
    def acr(self) -> str:
        """Return how well the person who is logged in has proved who they are."""
        return acr_of(self.visit.session.amr if self.visit.session is not None else ())

    @property
    def shops(self) -> tuple[Shop, ...]:
        """Return the shops of which the person picks one."""
        return self.visit.shops if self.message.policy.shop is ShopRule.PICKED else ()

    @property
    def answer(self) -> Decision | None:
        """Return what the person has answered to what is asked now; an answer of somebody else, or to another question, is none."""
        decision, user = self._decision, self.visit.user
        if decision is None or user is None or self.wishes.is_silent:
            return None
        saw_the_same = decision.user_id == user.id and frozenset(decision.scopes) == frozenset(self.scopes)
        return decision if saw_the_same else None

    @property
    def is_misunderstood(self) -> bool:
        """Whether the person has answered something else than what is asked now: they must see it, even if they allowed it before."""
        return self._decision is not None and self.answer is None and not self.wishes.is_silent

    def pick_shop(self) -> None:
        """Take the shop that the person picked, or the only one where they need not be asked; from here its policy counts.

        Raises:
            Refusal: it is none of those they were shown. It is not told to the client: no client sent it.
        """
        code, shops = self.answer.shop if self.answer is not None else None, self.shops
        if code is not None:
            self.shop = next((shop for shop in shops if shop.code == code), None)
            if self.shop is None:
                raise Refusal(Cause.UNKNOWN_SHOP, detail="the person picked a shop that is not theirs, or not the client's")
        elif len(shops) == 1:
            self.shop = shops[0]
        if self.shop is not None:
            self.message.policy = self.answered_type.policy_with_shop

    @property
    def remembered_scopes(self) -> tuple[str, ...] | None:
        """Return what the person has allowed this client before, or ``None`` where they were never asked."""
        consent, user = self.visit.consent, self.visit.user
        if consent is None or user is None or (consent.user_id, consent.client_id) != (user.id, self.client.client_id):
            return None
        return scopes_of(consent.scope)

    @property
    def is_remembered(self) -> bool:
        """Whether an answer counts for later requests.

        Not where the dialect asks each time, and not for a client that anybody could pretend to be: it has no secret, and its redirect
        URI is one that another application of the same machine may claim (RFC 8252 §8.6).
        """
        is_somebody = not self.client.is_public or has_verified_origin(self.effective_redirect_uri)
        return self.message.policy.consent is ConsentRule.REMEMBERED and is_somebody
