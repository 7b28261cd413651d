from datetime import UTC, datetime, timedelta

from app.core.clock import NEVER, SystemClock


def test_the_system_clock_tells_an_aware_time_in_utc() -> None:
    before = datetime.now(UTC)
    now = SystemClock().now()
    assert now.tzinfo is UTC
    assert timedelta(0) <= now - before < timedelta(seconds=5)


def test_never_lies_beyond_every_lifetime() -> None:
    assert NEVER.tzinfo is UTC
    assert datetime.now(UTC) + timedelta(days=365 * 1000) < NEVER
