"""ID tokens that clients send back to us, to say whom they mean (``id_token_hint``)."""

from typing import NamedTuple

from app.core.keys import Algorithm
from app.oauth2.jose import BadJwt, read_jwt
from app.proofs.key_keeper import KeyKeeper


class Hint(NamedTuple):
    """What an ID token of ours says: for which clients it was made, who the person is, and in which session, as those know them."""

    audience: tuple[str, ...]
    subject: str
    sid: str | None


class IdTokenHints:
    """Reads what this issuer once signed."""

    def __init__(self, keeper: KeyKeeper, issuer: str) -> None:
        self._keeper = keeper
        self._issuer = issuer

    async def read(self, text: str) -> Hint:
        """Return what an ID token of ours says, be it expired: it is asked about the past (OpenID Connect RP-Initiated Logout §2).

        Raises:
            BadJwt: it is none, or none of ours.
            StorageUnavailable: there is no database, and the keys are not known yet.
        """
        claims = read_jwt(text, (await self._keeper.ring()).trusted(), list(Algorithm), types={"jwt"}).claims
        audience, subject, sid = claims.get("aud"), claims.get("sub"), claims.get("sid")
        if claims.get("iss") != self._issuer or not isinstance(subject, str):
            raise BadJwt("it is no ID token of this issuer")
        audiences = (audience,) if isinstance(audience, str) else tuple(audience or ())
        return Hint(audiences, subject, sid if isinstance(sid, str) else None)
