"""Guessing against real servers: what two processes share, what outlives a crash, and what a flood of logins leaves to others."""

import asyncio
import time

import httpx
import pytest

from tests.fixtures.server import NO_TLS, Server
from tests.security.doors import FORM, JSON, MULTIPART
from tests.security.live import PASSWORDS, Live

LIMIT = 10
LOGIN = {"grant_type": "password", "username": "alice", "password": "a wrong password"}


def client(live: Live, server: Server | None = None, address: str | None = None) -> httpx.AsyncClient:
    """Return a client of one of the servers, from an address of its own."""
    transport = httpx.AsyncHTTPTransport(local_address=address or live.address(), verify=NO_TLS, limits=httpx.Limits(max_connections=100))
    return httpx.AsyncClient(transport=transport, base_url=(server or live.server).url, trust_env=False, timeout=30)


async def log_in(http: httpx.AsyncClient, live: Live, door: str = "/token", **changes: str) -> httpx.Response:
    """Ask for tokens by a password at the standard or the platform's door."""
    if door == "/token":
        return await http.post(door, data={**LOGIN, **changes}, headers={"Authorization": live.basic("demo-legacy")})
    return await http.post(door, data={**LOGIN, **live.credentials("platform-demo"), **changes})


@pytest.mark.security("BF-02")
@pytest.mark.security("BF-03")
@pytest.mark.security("BF-04")
@pytest.mark.security("BF-11")
async def test_of_fifty_wrong_passwords_at_two_servers_ten_reach_the_hash_and_a_crash_forgets_none(live_pair: Live) -> None:
    first, second = live_pair.servers
    async with client(live_pair, first) as one, client(live_pair, second) as other:
        spelt = ["alice", "ALICE", " alice@example.com ", "\uff41lice"]
        answers = await asyncio.gather(
            *(
                log_in(http, live_pair, door, username=spelt[number % 4])
                for number in range(13)
                for http in (one, other)
                for door in ("/token", "/oauth2/password")
            )
        )
        assert sorted(answer.status_code for answer in answers) == [400] * LIMIT + [429] * (len(answers) - LIMIT)
        assert len({(answer.status_code, answer.text) for answer in answers}) == 2
        for http in (one, other):
            right = await log_in(http, live_pair, password=PASSWORDS["alice"])
            assert right.status_code == 429
            assert 0 < int(right.headers["retry-after"]) <= 900
    first.kill()
    first.start()
    async with client(live_pair, first) as one, client(live_pair, second) as other:
        for http in (one, other):
            blocked = await log_in(http, live_pair, "/oauth2/password", password=PASSWORDS["alice"])
            assert blocked.status_code == 429


@pytest.mark.security("BF-05")
@pytest.mark.security("BF-11")
async def test_wrong_secrets_are_counted_by_both_servers_together_and_by_address(live_pair: Live) -> None:
    first, second = live_pair.servers
    here, elsewhere = live_pair.address(), live_pair.address()
    wrong = {"Authorization": live_pair.basic("demo-service", "wrong")}
    right = {"Authorization": live_pair.basic("demo-service")}
    fields = {"grant_type": "client_credentials"}
    async with client(live_pair, first, here) as one, client(live_pair, second, here) as other:
        statuses = [(await http.post("/token", data=fields, headers=wrong)).status_code for _ in range(50) for http in (one, other)]
        assert statuses == [401] * 20 + [429] * 80
        assert (await one.post("/token", data=fields, headers=right)).status_code == 429
    async with client(live_pair, second, elsewhere) as away:
        assert (await away.post("/token", data=fields, headers=right)).status_code == 200
        spoofed = {**right, "X-Forwarded-For": here, "Forwarded": f"for={here}", "X-Real-IP": here}
        assert (await away.post("/token", data=fields, headers=spoofed)).status_code == 200


@pytest.mark.security("BF-07")
async def test_a_strangers_forwarding_headers_change_nothing(live: Live) -> None:
    async with client(live) as http:
        statuses = []
        for number in range(40):
            said = [f"198.51.100.{number}", "a", "::1", "x" * 10_000, ", a" * 2000, "127.0.0.1"][number % 6]
            headers = {
                "Authorization": live.basic("demo-post", "wrong"),
                "X-Forwarded-For": said,
                "Forwarded": f"for={said}",
                "X-Real-IP": said,
            }
            statuses.append((await http.post("/introspect", data={"token": "x"}, headers=headers)).status_code)
        assert statuses == [401] * 20 + [429] * 20


@pytest.mark.security("BF-09")
@pytest.mark.parametrize("media_type", [FORM, MULTIPART, JSON])
async def test_a_password_of_a_megabyte_costs_next_to_nothing(live: Live, media_type: str) -> None:
    body = {
        FORM: b"grant_type=password&username=alice&password=" + b"p" * 2**20,
        MULTIPART: b'--B\r\nContent-Disposition: form-data; name="password"\r\n\r\n' + b"p" * 2**20 + b"\r\n--B--\r\n",
        JSON: b'{"grant_type":"password","username":"alice","password":"' + b"p" * 2**20 + b'"}',
    }[media_type]

    def worked() -> float:
        return sum(sum(process.cpu_times()[:2]) for process in live.server.processes())

    async with client(live) as http:
        before = worked()
        answers = [await http.post("/oauth2/password", content=body, headers={"Content-Type": media_type}) for _ in range(5)]
        after = worked()
    assert {answer.status_code for answer in answers} <= {400, 413}
    assert {answer.json()["error"] for answer in answers} == {"invalid_request"}
    assert (after - before) / 5 < 0.05


@pytest.mark.security("BF-10")
async def test_fifty_logins_at_once_leave_the_token_door_quick(live: Live) -> None:
    async def ask(http: httpx.AsyncClient) -> float:
        began = time.perf_counter()
        headers = {"Authorization": live.basic("demo-service")}
        answer = await http.post("/token", data={"grant_type": "client_credentials"}, headers=headers)
        assert answer.status_code == 200
        return time.perf_counter() - began

    async with client(live) as attacker, client(live) as honest:
        flood = [asyncio.ensure_future(log_in(attacker, live, username=f"nobody-{number}")) for number in range(50)]
        waits: list[float] = []
        while not all(login.done() for login in flood) or len(waits) < 20:
            waits.append(await ask(honest))
        statuses = [login.result().status_code for login in flood]
    assert set(statuses) <= {400, 429, 503}
    assert statuses.count(400) >= 25
    assert sorted(waits)[int(len(waits) * 0.99)] < 1
