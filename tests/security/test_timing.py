"""How long an answer takes says nothing of who exists: measured in turns and compared by medians, a few times before it counts.

For a machine with nothing else to do, so `make timing` runs them alone; `make test` holds that the work is the same.
"""

import http.client
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlencode

import pytest

from app.admin import create_user, disable_user
from tests.fixtures.server import Server
from tests.security.doors import FORM
from tests.security.live import Live

pytestmark = pytest.mark.timing
ROUNDS = 4
"""A difference that is there shows in each of them; one by chance does not."""


class Visitor:
    """One connection from an address of its own."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10, source_address=(Live.address(), 0))

    def post(self, path: str, fields: Mapping[str, str], basic: str | None = None) -> tuple[float, int, bytes]:
        """Return the seconds that an answer takes, its status and its body."""
        headers = {"Content-Type": FORM, **({"Authorization": basic} if basic else {})}
        body = urlencode(fields)
        began = time.perf_counter()
        self._connection.request("POST", path, body, headers)
        answer = self._connection.getresponse()
        text = answer.read()
        return time.perf_counter() - began, answer.status, text

    def close(self) -> None:
        self._connection.close()


@contextmanager
def visitors(port: int, count: int) -> Iterator[list[Visitor]]:
    """Open connections from as many addresses."""
    with ExitStack() as stack:
        opened = [Visitor(port) for _ in range(count)]
        for visitor in opened:
            stack.callback(visitor.close)
        yield opened


def alike(measure: Callable[[], Mapping[str, list[float]]], share: float) -> dict[str, float]:
    """Measure until all medians lie within a share of each other, and return those of the best round."""
    best: dict[str, float] = {}
    for _ in range(ROUNDS):
        medians = {kind: statistics.median(times) for kind, times in measure().items()}
        if not best or spread(medians) < spread(best):
            best = medians
        if spread(best) <= share:
            break
    return best


def spread(medians: Mapping[str, float]) -> float:
    """Return by which share the slowest median exceeds the quickest."""
    return max(medians.values()) / min(medians.values()) - 1


def test_a_difference_that_is_there_is_seen() -> None:
    kinds = {"slow": 1.3, "quick": 1.0}
    medians = alike(lambda: {kind: [share * (1 + number % 7 / 50) for number in range(50)] for kind, share in kinds.items()}, 0.2)
    assert spread(medians) > 0.2


@pytest.mark.security("CA-02")
def test_an_unknown_client_and_a_wrong_secret_look_and_take_the_same(live: Live) -> None:
    fields = {"grant_type": "client_credentials"}
    answers: dict[str, set[tuple[int, bytes]]] = {"unknown": set(), "wrong": set()}
    turns = 0

    def measure() -> Mapping[str, list[float]]:
        nonlocal turns
        times: dict[str, list[float]] = {"unknown": [], "wrong": []}
        with visitors(live.port, 20) as crowd:
            for visitor in crowd:
                visitor.post("/token", fields)
            for number in range(200):
                turns += 1
                kinds = [("unknown", f"demo-servic{turns:04}"), ("wrong", "demo-service")]
                for kind, client_id in kinds[:: 1 if number % 2 else -1]:
                    basic = live.basic(client_id, f"{turns:060}")
                    seconds, status, text = crowd[number % 20].post("/token", fields, basic)
                    times[kind].append(seconds)
                    answers[kind].add((status, text))
        return times

    medians = alike(measure, 0.2)
    assert answers["unknown"] == answers["wrong"]
    assert {status for status, _ in answers["wrong"]} == {401}
    assert spread(medians) <= 0.2, medians


async def people(live: Live, count: int) -> list[str]:
    """Put people there, and return their names."""
    names = [f"timed-{number}" for number in range(count)]
    async with live.operator() as operator:
        for name in names:
            await create_user(operator, {"username": name, "password": f"the password of {name}"})
        for name in ("disabled", "passwordless"):
            password = {"password": "the password of nobody"} if name == "disabled" else {}
            await create_user(operator, {"username": name, **password})
        await disable_user(operator, "disabled")
    return names


@pytest.mark.security("LG-08")
@pytest.mark.security("VN-03")
async def test_whoever_cannot_log_in_looks_and_takes_the_same(live: Live) -> None:
    names = await people(live, 5 * ROUNDS)
    answers: set[tuple[int, bytes]] = set()
    turns = 0

    def measure() -> Mapping[str, list[float]]:
        nonlocal turns
        times: dict[str, list[float]] = {"unknown": [], "wrong": []}
        with visitors(live.port, 1) as (visitor,):
            for number in range(50):
                kinds = [("unknown", f"timed-x{turns}"), ("wrong", names[turns // 10])]
                turns += 1
                for kind, name in kinds[:: 1 if number % 2 else -1]:
                    fields = {"grant_type": "password", "username": name, "password": "a wrong password"}
                    seconds, status, text = visitor.post("/token", fields, live.basic("demo-legacy"))
                    times[kind].append(seconds)
                    answers.add((status, text))
        return times

    medians = alike(measure, 0.1)
    assert len(answers) == 1
    assert spread(medians) <= 0.1, medians
    assert min(medians.values()) > 0.005


@pytest.mark.security("LG-08")
@pytest.mark.security("VN-03")
async def test_a_disabled_person_and_one_without_a_password_take_as_long_as_any(live: Live) -> None:
    async with live.operator() as operator:
        for number in range(ROUNDS):
            await create_user(operator, {"username": f"gone-{number}", "password": "the password of nobody"})
            await disable_user(operator, f"gone-{number}")
            await create_user(operator, {"username": f"bare-{number}"})
    answers: set[tuple[int, bytes]] = set()
    rounds = iter(range(ROUNDS))

    def measure() -> Mapping[str, list[float]]:
        turn = next(rounds)
        times: dict[str, list[float]] = {"unknown": [], "disabled": [], "passwordless": []}
        with visitors(live.port, 1) as (visitor,):
            for number in range(9):
                kinds = {"unknown": f"nobody-{turn}-{number}", "disabled": f"gone-{turn}", "passwordless": f"bare-{turn}"}
                for kind, name in kinds.items():
                    fields = {"grant_type": "password", "username": name, "password": "the password of nobody"}
                    seconds, status, text = visitor.post("/token", fields, live.basic("demo-legacy"))
                    times[kind].append(seconds)
                    answers.add((status, text))
        return times

    medians = alike(measure, 0.25)
    assert len(answers) == 1
    assert spread(medians) <= 0.25, medians


@pytest.mark.security("LG-08")
def test_a_sandbox_tells_no_more_than_a_service(tmp_path: Path) -> None:
    """Outsiders measure the sandbox: its cheaper hashes must be as cheap for somebody who does not exist."""
    with Server(f"sqlite:///{tmp_path / 'tokenry.db'}", command="sandbox") as server:
        turns = 0

        def measure() -> Mapping[str, list[float]]:
            nonlocal turns
            times: dict[str, list[float]] = {"unknown": [], "wrong": []}
            credentials = {"client_id": "platform-demo", "client_secret": "platform-demo-secret", "grant_type": "password"}
            with visitors(server.port, 1) as (visitor,):
                for _ in range(50):
                    turns += 1
                    if turns % 9 == 0:
                        assert visitor.post("/oauth2/password", {**credentials, "username": "demo", "password": "demo-password"})[1] == 200
                    for kind, name in (("unknown", f"nobody-{turns}"), ("wrong", "demo")):
                        seconds, status, _ = visitor.post("/oauth2/password", {**credentials, "username": name, "password": "wrong"})
                        assert status == 400
                        times[kind].append(seconds)
            return times

        medians = alike(measure, 0.1)
    assert spread(medians) <= 0.1, medians
