"""What an authorization request says of the person's login and consent (OpenID Connect Core §3.1.2.1)."""

from typing import Final, NamedTuple

from app.core.causes import Cause
from app.messages import AuthorizationRequest, Refusal
from app.oauth2.requested_claims import RequestedClaims

_FRESH_LOGIN: Final = frozenset({"login", "select_account"})
_MAXIMUM_DIGITS: Final = 10


class Wishes(NamedTuple):
    """``prompt`` holds its values; ``max_age`` is how many seconds ago the person may have logged in.

    ``subjects`` are those who alone may answer, and ``acrs`` how they must have proved themselves; ``None`` for any.
    """

    prompt: frozenset[str] = frozenset()
    max_age: int | None = None
    subjects: frozenset[object] | None = None
    acrs: frozenset[object] | None = None

    @property
    def is_silent(self) -> bool:
        """Whether no page may be shown."""
        return "none" in self.prompt

    @property
    def fresh_login(self) -> bool:
        """Whether only a login since the request will do."""
        return not self.prompt.isdisjoint(_FRESH_LOGIN)

    @property
    def fresh_consent(self) -> bool:
        """Whether the person is asked even where they have consented before."""
        return "consent" in self.prompt

    @classmethod
    def of(cls, message: AuthorizationRequest, default_max_age: int | None, claims: RequestedClaims) -> "Wishes":
        """Read ``prompt``, of which unknown values are ignored, and ``max_age``, where none is sent that of the client's registration.

        Raises:
            Refusal: ``none`` stands beside another value, or the age is no number.
        """
        prompt = frozenset(message.parameters.get("prompt", "").split(" ")) - {""}
        if "none" in prompt and len(prompt) > 1:
            raise Refusal(Cause.INVALID_PARAMETER, "The prompt none goes with no other.")
        age = message.parameters.get("max_age")
        if age is not None and not (age.isascii() and age.isdigit() and len(age) <= _MAXIMUM_DIGITS):
            raise Refusal(Cause.INVALID_PARAMETER, "The parameter max_age is not a number of seconds.")
        return cls(prompt, int(age) if age is not None else default_max_age, claims.subjects, claims.acrs)
