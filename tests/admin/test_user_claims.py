"""What an operator says of a person beyond their name: the standard claims."""

from typing import Any

import pytest

from app.admin import Operator, Refused, Status, create_user, show_user, update_user
from app.admin.users import declare_user
from app.core.passwords import login_key
from app.ledger import Needs

CLAIMS = {
    "given_name": "Alice",
    "family_name": "Liddell",
    "picture": "https://example.com/alice.png",
    "birthdate": "1852-05-04",
    "zoneinfo": "Europe/London",
    "locale": "en-GB",
    "email_verified": True,
    "phone_number": "+44 1865 276150",
    "phone_number_verified": False,
    "address": {"locality": "Oxford", "country": "GB"},
}
ALICE = {"username": "alice", "email": "alice@example.com", "name": "Alice L.", "claims": CLAIMS}


async def claims_of(operator: Operator) -> Any:
    return (await show_user(operator, "alice"))["claims"]


@pytest.mark.rfc("OIDC Core", "5.1")
async def test_claims_are_kept_and_told_with_what_is_known_anyway(operator: Operator) -> None:
    await create_user(operator, ALICE)
    assert await claims_of(operator) == CLAIMS
    user = (await operator.storage.load(Needs(login=login_key("alice")))).user
    assert user is not None
    assert user.standard_claims == {
        **CLAIMS,
        "name": "Alice L.",
        "preferred_username": "alice",
        "email": "alice@example.com",
        "updated_at": int(user.updated_at.timestamp()),
    }


@pytest.mark.rfc("OIDC Core", "5.1.1")
async def test_an_address_has_lines(operator: Operator) -> None:
    address = {"formatted": "1 High St\r\nOxford\n", "street_address": "1 High St\nFlat 2"}
    await create_user(operator, {**ALICE, "claims": {"address": address}})
    assert await claims_of(operator) == {"address": {**address, "formatted": "1 High St\nOxford\n"}}
    for member, value in (("formatted", "a\rb"), ("formatted", "a\x00b"), ("street_address", "x\n" * 201), ("locality", "a\nb")):
        with pytest.raises(Refused, match=f"claims.address.{member}"):
            await update_user(operator, "alice", {"claims": {"address": {member: value}}})


async def test_who_has_no_claims_is_told_by_what_is_known_anyway(operator: Operator) -> None:
    await create_user(operator, {"username": "alice", "email": "alice@example.com"})
    assert await claims_of(operator) == {}
    user = (await operator.storage.load(Needs(login=login_key("alice")))).user
    assert user is not None
    assert {name: value for name, value in user.standard_claims.items() if name != "updated_at"} == {
        "preferred_username": "alice",
        "email": "alice@example.com",
        "email_verified": False,
    }


async def test_declared_claims_join_those_that_are_there_and_an_empty_one_leaves(operator: Operator) -> None:
    await create_user(operator, ALICE)
    same = await update_user(operator, "alice", {"claims": CLAIMS})
    assert same.status is Status.UNCHANGED
    change = await update_user(operator, "alice", {"claims": {"nickname": "Al", "locale": "", "address": {}, "picture": ""}})
    assert change.members == ("claims",)
    left = {name: value for name, value in CLAIMS.items() if name not in {"locale", "address", "picture"}}
    assert await claims_of(operator) == {**left, "nickname": "Al"}
    await update_user(operator, "alice", {"claims": dict.fromkeys([*left, "nickname"], "")})
    assert await claims_of(operator) == {}


@pytest.mark.security("BR-07")
async def test_what_was_verified_of_an_address_says_nothing_of_another(operator: Operator) -> None:
    await create_user(operator, ALICE)
    await update_user(operator, "alice", {"claims": {"phone_number_verified": True}})
    await update_user(operator, "alice", {"email": "ALICE@example.com", "name": "A."})
    assert (await claims_of(operator))["email_verified"] is True
    await update_user(operator, "alice", {"email": "eve@example.com"})
    assert "email_verified" not in await claims_of(operator)
    await update_user(operator, "alice", {"claims": {"phone_number": "+44 1"}})
    assert "phone_number_verified" not in await claims_of(operator)
    await update_user(operator, "alice", {"email": "new@example.com", "claims": {"email_verified": True}})
    assert (await claims_of(operator))["email_verified"] is True


@pytest.mark.parametrize(
    ("claims", "key", "reason"),
    [
        ({"sub": "x"}, "claims.sub", "is no key here"),
        ({"email": "x"}, "claims.email", "is no key here"),
        ({"given_name": 1}, "claims.given_name", "must be a text, not a number"),
        ({"picture": "javascript:alert(1)"}, "claims.picture", "must be an http or https address"),
        ({"birthdate": "4 May"}, "claims.birthdate", "is no date as 1990-12-31"),
        ({"birthdate": "1852-13-01"}, "claims.birthdate", "is no date"),
        ({"zoneinfo": "here & now"}, "claims.zoneinfo", "is no time zone as Europe/Paris"),
        ({"locale": "e"}, "claims.locale", "is no language as en or zh-CN"),
        ({"email_verified": "yes"}, "claims.email_verified", "must be true or false"),
        ({"address": "Oxford"}, "claims.address", "must be a table"),
        ({"address": {"planet": "Earth"}}, "claims.address.planet", "is no key here"),
        ({"address": {"country": "x" * 401}}, "claims.address.country", "is longer than 400"),
        ("text", "claims", "must be a table"),
    ],
)
def test_a_claim_of_another_form_is_refused_by_name(claims: object, key: str, reason: str) -> None:
    with pytest.raises(Refused) as caught:
        declare_user({"username": "alice", "claims": claims})
    assert caught.value.key == key
    assert reason in caught.value.reason
