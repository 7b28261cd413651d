"""The two ceremonies of passkeys (WebAuthn Level 3 §7.1, §7.2): what a browser is asked, and what is made of its answer.

A passkey has to be discoverable, so that nobody types a name, and its authenticator has to verify the person, so that it is two factors
in one. What is asked is plain JSON; the library is imported by the first answer, and off the event loop.
"""

import binascii
import json
from base64 import b64decode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from app.core.base64url import base64url
from app.dialects.codecs import decode_json
from app.messages import Refusal
from app.models import Passkey, User

TIMEOUT: Final = 5 * 60
"""Seconds for the person to find their key or finger."""
_ES256, _EDDSA, _RS256 = -7, -8, -257
"""COSE numbers of the algorithms that we take: all that authenticators sign with today has one of these."""
_TRANSPORTS: Final = frozenset({"ble", "hybrid", "internal", "nfc", "smart-card", "usb"})
_LONGEST_ID: Final = 1023
"""Bytes of a credential id (WebAuthn §7.1)."""
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


class UnsoundAnswer(Exception):  # noqa: N818 (an answer that convinces nobody, not an error of the program)
    """An answer does not prove what it should; the text tells an operator why."""


class LateAnswer(UnsoundAnswer):
    """An answer may be sound, and comes too late: the same can be tried again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RelyingParty:
    """For whom passkeys are made (WebAuthn §4): its id is a host name, its origin the one that its pages have."""

    id: str
    origin: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a browser brought, read and not checked: ``credential`` as its JSON says it, and the challenge that was signed.

    ``user_handle`` is whose the authenticator says a credential is that it used.
    """

    credential: Mapping[str, Any]
    credential_id: bytes
    challenge: str
    user_handle: bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A new credential."""

    credential_id: bytes
    public_key: bytes
    sign_count: int
    transports: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Used:
    """A use of a credential; ``is_synced`` tells that it may live on several devices, so that no hardware holds it for itself."""

    sign_count: int
    is_synced: bool


def relying_party(issuer: str, name: str) -> RelyingParty | None:
    """Return who we are to authenticators; ``None`` where the issuer is at an address, for which browsers make no passkeys."""
    parts = urlsplit(issuer)
    host = (parts.hostname or "").lower()
    if not host or ":" in host or host.rpartition(".")[2].isdigit():
        return None
    port = f":{parts.port}" if parts.port not in {None, _DEFAULT_PORTS.get(parts.scheme)} else ""
    return RelyingParty(id=host, origin=f"{parts.scheme}://{host}{port}", name=name)


# -- asking --------------------------------------------------------------------------------------------------------------------------


def creation_options(party: RelyingParty, challenge: str, user: User, known: Iterable[Passkey]) -> str:
    """Return ``PublicKeyCredentialCreationOptionsJSON`` (§5.1.8): no authenticator makes a second key where it has one."""
    options = {
        "rp": {"id": party.id, "name": party.name},
        "user": {"id": base64url(user.id.encode()), "name": user.username, "displayName": user.name or user.username},
        "challenge": base64url(challenge.encode()),
        "pubKeyCredParams": [{"type": "public-key", "alg": number} for number in (_ES256, _EDDSA, _RS256)],
        "timeout": TIMEOUT * 1000,
        "excludeCredentials": [
            {"type": "public-key", "id": base64url(passkey.credential_id), "transports": passkey.transports} for passkey in known
        ],
        "authenticatorSelection": {"residentKey": "required", "requireResidentKey": True, "userVerification": "required"},
        "attestation": "none",
    }
    return json.dumps(options, ensure_ascii=False)


def request_options(party: RelyingParty, challenge: str) -> str:
    """Return ``PublicKeyCredentialRequestOptionsJSON`` (§5.1.9): whichever passkey the person picks."""
    options = {
        "challenge": base64url(challenge.encode()),
        "timeout": TIMEOUT * 1000,
        "rpId": party.id,
        "allowCredentials": [],
        "userVerification": "required",
    }
    return json.dumps(options)


# -- reading and checking ------------------------------------------------------------------------------------------------------------


def read_answer(text: str) -> Answer:
    """Read what ``PublicKeyCredential.toJSON()`` wrote.

    Raises:
        UnsoundAnswer: it is something else, or came out of a frame on a page of others (§7.2 step 13).
    """
    try:
        credential = decode_json(text.encode(), "")
        response = credential["response"]
        if not isinstance(response, dict):
            raise UnsoundAnswer("the answer holds no response")
        client_data = decode_json(_bytes(response["clientDataJSON"]), "")
        challenge = _bytes(client_data["challenge"]).decode("ascii")
        credential_id = _bytes(credential["id"])
        user_handle = _bytes(response["userHandle"]) if response.get("userHandle") is not None else None
    except (Refusal, KeyError, ValueError) as error:
        raise UnsoundAnswer(f"the answer cannot be read: {type(error).__name__}") from None
    if client_data.get("crossOrigin") or "topOrigin" in client_data:
        raise UnsoundAnswer("the ceremony ran inside a page of others")
    return Answer(credential=credential, credential_id=credential_id, challenge=challenge, user_handle=user_handle)


def check_made(party: RelyingParty, answer: Answer) -> Made:
    """Check the answer to creation options (§7.1); its challenge was found to be ours. Slow: runs in a thread.

    Which make the authenticator is of is not asked, so a statement about it proves nothing and is only held to its own form.

    Raises:
        UnsoundAnswer: it proves nothing.
    """
    from webauthn import verify_registration_response
    from webauthn.helpers.cose import COSEAlgorithmIdentifier

    try:
        checked = verify_registration_response(
            credential=dict(answer.credential),
            expected_challenge=answer.challenge.encode(),
            expected_rp_id=party.id,
            expected_origin=party.origin,
            require_user_verification=True,
            supported_pub_key_algs=[COSEAlgorithmIdentifier(number) for number in (_ES256, _EDDSA, _RS256)],
        )
    except Exception as error:  # noqa: BLE001 (keys and statements that are malformed raise whatever its parsers raise)
        raise UnsoundAnswer(_reason(error)) from None
    if len(checked.credential_id) > _LONGEST_ID or checked.credential_id != answer.credential_id:
        raise UnsoundAnswer("the credential id is too long, or another than the answer says")
    transports = answer.credential["response"].get("transports")
    return Made(
        credential_id=checked.credential_id,
        public_key=checked.credential_public_key,
        sign_count=checked.sign_count,
        transports=[name for name in sorted(_TRANSPORTS) if isinstance(transports, list) and name in transports],
    )


def check_used(party: RelyingParty, answer: Answer, passkey: Passkey) -> Used:
    """Check the answer to request options (§7.2) against the passkey that it names. Slow: runs in a thread.

    Raises:
        UnsoundAnswer: it proves nothing; or the count did not grow, which tells of a copy (§6.1.1).
    """
    from webauthn import verify_authentication_response
    from webauthn.helpers.structs import CredentialDeviceType

    if answer.user_handle != passkey.user_id.encode():
        raise UnsoundAnswer("the authenticator says that the passkey is another person's")
    try:
        checked = verify_authentication_response(
            credential=dict(answer.credential),
            expected_challenge=answer.challenge.encode(),
            expected_rp_id=party.id,
            expected_origin=party.origin,
            credential_public_key=passkey.public_key,
            credential_current_sign_count=passkey.sign_count,
            require_user_verification=True,
        )
    except Exception as error:  # noqa: BLE001 (what is malformed raises whatever its parsers raise)
        raise UnsoundAnswer(_reason(error)) from None
    return Used(sign_count=checked.new_sign_count, is_synced=checked.credential_device_type is CredentialDeviceType.MULTI_DEVICE)


def _reason(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def _bytes(text: object) -> bytes:
    """Read base64url without padding (RFC 7515 §2).

    Raises:
        ValueError: it is something else.
    """
    if not isinstance(text, str):
        raise ValueError("not a text")  # noqa: TRY004 (one error for all that is not base64url)
    try:
        return b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except binascii.Error as error:
        raise ValueError(str(error)) from None
