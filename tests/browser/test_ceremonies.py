"""What is made of an authenticator's answer: nothing that is malformed is a fault, and nobody is proved by it."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.browser.ceremonies import RelyingParty, UnsoundAnswer, check_made, check_used, read_answer, relying_party
from app.models import Passkey
from tests.fixtures.authenticator import EDDSA, Authenticator

PARTY: Final = RelyingParty(id="id.example.com", origin="https://id.example.com", name="Tokenry")
CREATION: Final = json.dumps({"user": {"id": "eA"}, "rp": {"id": PARTY.id}, "challenge": "eA"})
REQUEST: Final = json.dumps({"rpId": PARTY.id, "challenge": "eA"})


@pytest.mark.parametrize(
    ("issuer", "rp_id", "origin"),
    [
        ("http://localhost:6749", "localhost", "http://localhost:6749"),
        ("https://ID.Example.com", "id.example.com", "https://id.example.com"),
        ("https://id.example.com:443/auth", "id.example.com", "https://id.example.com"),
        ("https://id.example.com:8443", "id.example.com", "https://id.example.com:8443"),
    ],
)
def test_passkeys_are_for_the_host_of_the_issuer(issuer: str, rp_id: str, origin: str) -> None:
    assert relying_party(issuer, "Tokenry") == RelyingParty(id=rp_id, origin=origin, name="Tokenry")


@pytest.mark.parametrize("issuer", ["http://127.0.0.1:6749", "http://[::1]:6749", "https://192.0.2.7"])
def test_an_address_has_no_passkeys(issuer: str) -> None:
    assert relying_party(issuer, "Tokenry") is None


def kept(answer: str) -> Passkey:
    """Return the passkey that is made of an answer."""
    made = check_made(PARTY, read_answer(answer))
    return Passkey(
        credential_id=made.credential_id,
        user_id="x",
        public_key=made.public_key,
        sign_count=made.sign_count,
        transports=made.transports,
        created_at=datetime(2026, 11, 22, tzinfo=UTC),
    )


def test_a_sound_answer_is_made_and_used() -> None:
    device = Authenticator(PARTY.origin)
    passkey = kept(device.create(CREATION))
    assert passkey.transports == ["hybrid", "internal"]
    used = check_used(PARTY, read_answer(device.get(REQUEST)), passkey)
    assert (used.sign_count, used.is_synced) == (1, False)


@pytest.mark.parametrize("transports", [None, "internal", 7, ["internal", "internal", "smoke-signals", 3, None]])
def test_transports_are_hints_of_a_closed_list(transports: Any) -> None:
    made = check_made(PARTY, read_answer(Authenticator(PARTY.origin).create(CREATION, transports=transports)))
    assert made.transports == (["internal"] if isinstance(transports, list) else [])


junk = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.text(max_size=60),
    st.lists(st.text(max_size=5), max_size=3),
    st.binary(max_size=200).map(lambda raw: urlsafe_b64encode(raw).decode().rstrip("=")),
)


def bent(answer: str, data: st.DataObject) -> str:
    """Return an answer with one member replaced, or one byte of it turned."""
    members = json.loads(answer)
    place = data.draw(st.sampled_from([members, members["response"]]))
    name = data.draw(st.sampled_from(sorted(place)))
    if isinstance(place[name], str) and data.draw(st.booleans()):
        at, letter = data.draw(st.integers(0, len(place[name]) - 1)), data.draw(st.sampled_from("AZaz09-_=é"))
        place[name] = place[name][:at] + letter + place[name][at + 1 :]
    else:
        place[name] = data.draw(junk)
    return json.dumps(members)


DEVICE: Final = Authenticator(PARTY.origin, algorithm=EDDSA)
MADE: Final = DEVICE.create(CREATION)
USED: Final = DEVICE.get(REQUEST)
"""Sound answers of one authenticator, whose signatures all have one length."""


def meaning(answer: str) -> list[bytes]:
    """Return the bytes that an answer is about: base64url has bits at its end that mean nothing."""
    members = json.loads(answer)
    texts = [members["id"], *(text for name, text in sorted(members["response"].items()) if name != "transports")]
    return [urlsafe_b64decode(text + "===") for text in texts]


@settings(max_examples=200)
@given(data=st.data())
def test_no_bent_answer_to_creation_is_a_fault(data: st.DataObject) -> None:
    text = bent(MADE, data)
    with suppress(UnsoundAnswer):
        assert check_made(PARTY, read_answer(text)).credential_id == DEVICE.credentials[0].id


@settings(max_examples=200)
@given(data=st.data())
def test_no_bent_answer_to_a_request_is_a_fault_or_a_proof(data: st.DataObject) -> None:
    text = bent(USED, data)
    with suppress(UnsoundAnswer):
        check_used(PARTY, read_answer(text), kept(MADE))
        assert meaning(text) == meaning(USED)


@given(raw=st.binary(max_size=200))
def test_no_stored_key_is_a_fault(raw: bytes) -> None:
    passkey = kept(MADE)
    passkey.public_key = raw
    with pytest.raises(UnsoundAnswer):
        check_used(PARTY, read_answer(USED), passkey)
