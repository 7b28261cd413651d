"""Half logins and challenges: what a browser carries for five minutes is worth nothing anywhere else."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final

import pytest

from app.browser.ceremonies import UnsoundAnswer
from app.browser.half_logins import HalfLogins
from app.browser.passkeys import Challenges
from app.models import User

NOW: Final = datetime(2026, 11, 22, tzinfo=UTC)
ALICE: Final = User(
    id="alice", username="alice", username_key="alice", password_hash="hash", second_factor_at=NOW, created_at=NOW, updated_at=NOW
)
HALVES: Final = HalfLogins(b"k" * 32)


def test_half_a_login_comes_back_for_five_minutes_to_its_browser() -> None:
    token = HALVES.close(ALICE, "browser", NOW)
    half = HALVES.open(token, "browser", NOW)
    assert half is not None
    assert (half.user_id, half.at) == ("alice", NOW)
    assert HALVES.is_of(half, ALICE)
    assert HALVES.open(token, "browser", NOW + timedelta(minutes=4, seconds=59)) == half
    strange = [
        HALVES.open(token, "browser", NOW + timedelta(minutes=5)),
        HALVES.open(token, "browser", NOW - timedelta(seconds=1)),
        HALVES.open(token, "another", NOW),
        HALVES.open(token, "", NOW),
        HALVES.open(token[:-1], "browser", NOW),
        HALVES.open("x" * 5000, "browser", NOW),
        HALVES.open("é.é", "browser", NOW),
        HalfLogins(b"o" * 32).open(token, "browser", NOW),
    ]
    assert strange == [None] * 8


@pytest.mark.parametrize(
    "change",
    [
        {"password_hash": "other"},
        {"password_hash": None},
        {"second_factor_at": NOW + timedelta(1)},
        {"second_factor_at": None},
        {"id": "bob"},
    ],
)
def test_half_a_login_is_of_who_has_not_changed(change: dict[str, object]) -> None:
    half = HALVES.open(HALVES.close(ALICE, "browser", NOW), "browser", NOW)
    assert half is not None
    assert not HALVES.is_of(half, replace(ALICE, **change))  # type: ignore[arg-type]


class Clock:
    now_is = NOW

    def now(self) -> datetime:
        return self.now_is


def test_a_challenge_is_for_one_purpose_browser_and_session() -> None:
    clock = Clock()
    challenges = Challenges(b"k" * 32, clock)
    challenge = challenges.make("create", "browser", b"session")
    assert challenge != challenges.make("create", "browser", b"session")
    assert challenges.made_at(challenge, "create", "browser", b"session") == NOW
    for words in (
        ("get", "browser", b"session"),
        ("create", "another", b"session"),
        ("create", "browser", b"other"),
        ("create", "browser", b""),
    ):
        with pytest.raises(UnsoundAnswer):
            challenges.made_at(challenge, *words)
    clock.now_is = NOW + timedelta(minutes=5)
    with pytest.raises(UnsoundAnswer):
        challenges.made_at(challenge, "create", "browser", b"session")
