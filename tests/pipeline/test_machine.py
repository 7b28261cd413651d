"""A door that is asked before the application has started."""

import pytest

from app.main import create_app
from app.settings import Settings
from tests.fixtures.server import SECRET_KEY
from tests.fixtures.world import MovableClock, Notes, World
from tests.storage.fake import FakeStorage


@pytest.mark.parametrize("direct", [True, False])
async def test_a_door_that_is_not_open_yet_is_503(*, direct: bool) -> None:
    clock, notes = MovableClock(), Notes()
    settings = Settings(issuer="https://id.example.com", secret_key=SECRET_KEY, direct_doors=direct)
    app = create_app(settings, clock=clock, journal=notes, storage=FakeStorage(clock))
    world = World.__new__(World)
    world.app, world.address = app, "192.0.2.1"
    raw = await world.raw("POST", "/oauth/token", [("Content-Type", "application/x-www-form-urlencoded")], [b"grant_type=silent"])
    assert (raw.status, raw.headers["retry-after"]) == (503, "1")
    assert notes.events[-1].detail == "not started yet"
