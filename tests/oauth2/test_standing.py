"""Whether a code or token still stands: itself, its family, and everyone behind it, in the order in which it is said."""

from datetime import timedelta
from typing import Any

import pytest

from app.core.clock import NEVER
from app.ledger import Held
from app.models import Token
from app.oauth2.standing import grant_problem, token_problem
from tests.oauth2.exchange import NOW, client, code, family, held, shop, token, user


@pytest.mark.parametrize(
    ("presented", "problem"),
    [
        (held(token()), None),
        (held(token(), family(user_id=None)), None),
        (held(token(), family(shop_id="shop-1")), None),
        (held(token(), family(revoked_at=NOW)), "its grant was revoked"),
        (held(token(), owner=None), "its client is disabled"),
        (held(token(), owner=client(disabled_at=NOW)), "its client is disabled"),
        (held(token(), person=None), "its user is disabled"),
        (held(token(), person=user(disabled_at=NOW)), "its user is disabled"),
        (held(token(), person=user(password_changed_at=NOW - timedelta(hours=1))), "its user has changed their password since"),
        (held(token(), person=user(password_changed_at=NOW - timedelta(hours=1, seconds=1))), None),
        (held(token(), family(shop_id="shop-1"), store=None), "its shop is disabled, or no longer granted to the client"),
        (held(token(), family(shop_id="shop-1"), store=shop(disabled_at=NOW)), "its shop is disabled, or no longer granted to the client"),
        (held(token(), family(revoked_at=NOW), owner=None, person=None), "its grant was revoked"),
    ],
)
@pytest.mark.security("IT-06")
def test_a_grant_falls_with_everyone_behind_it(presented: Held[Token], problem: str | None) -> None:
    assert grant_problem(presented) == problem
    assert grant_problem(Held(code(), presented.grant, presented.client, presented.user, presented.shop)) == problem


@pytest.mark.parametrize(
    ("members", "grant", "problem"),
    [
        ({}, {}, None),
        ({"expires_at": None}, {"expires_at": NEVER}, None),
        ({"expires_at": NOW + timedelta(microseconds=1)}, {}, None),
        ({"expires_at": NOW}, {}, "it has expired"),
        ({}, {"expires_at": NOW}, "its grant has expired"),
        ({"revoked_at": NOW}, {}, "it was revoked"),
        ({"used_at": NOW}, {}, "it was rotated"),
        ({}, {"revoked_at": NOW}, "its grant was revoked"),
        ({"revoked_at": NOW, "used_at": NOW, "expires_at": NOW}, {"revoked_at": NOW}, "it was revoked"),
    ],
)
def test_a_token_falls_by_itself_or_with_its_grant(members: dict[str, Any], grant: dict[str, Any], problem: str | None) -> None:
    assert token_problem(held(token(**members), family(**grant)), NOW) == problem
