"""Two hundred at once: whatever the database and however many processes, one code and one refresh token are spent once."""

import asyncio
from collections import Counter
from typing import Final

import pytest

from tests.journeys.conftest import Sandbox
from tests.journeys.planting import CALLBACK, VERIFIER, WEB_SECRET, codes
from tests.journeys.wire import Answer, at_once, form

PARALLEL: Final = 200
SECRET: Final = ("confidential-web", WEB_SECRET)

each_number_of_processes = pytest.mark.parametrize("processes", [1, 2], ids=["one_process", "two_processes"])


def exchange(code: str, client_id: str) -> bytes:
    fields = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK, "code_verifier": VERIFIER}
    if client_id == SECRET[0]:
        return form("/token", fields, basic=SECRET)
    return form("/token", {**fields, "client_id": client_id})


def refresh(token: str, client_id: str) -> bytes:
    fields = {"grant_type": "refresh_token", "refresh_token": token}
    if client_id == SECRET[0]:
        return form("/token", fields, basic=SECRET)
    return form("/token", {**fields, "client_id": client_id})


async def redeem(sandboxes: list[Sandbox], request: bytes) -> list[Answer]:
    """Send one request two hundred times at the same moment, to all processes in turn."""
    return await at_once([(sandboxes[number % len(sandboxes)].port, request) for number in range(PARALLEL)])


async def first_refresh_token(sandbox: Sandbox, client_id: str) -> str:
    (code,) = await codes(sandbox.database_url, client_id)
    (answer,) = await at_once([(sandbox.port, exchange(code, client_id))])
    assert answer.status == 200, answer
    token: str = answer.json()["refresh_token"]
    return token


@pytest.mark.security("CD-01")
@pytest.mark.security("CD-06")
@pytest.mark.security("F-03")
@pytest.mark.parametrize("client_id", ["public-web", "confidential-web"])
@each_number_of_processes
async def test_one_of_two_hundred_gets_tokens_for_a_code(sandboxes: list[Sandbox], processes: int, client_id: str) -> None:
    (code,) = await codes(sandboxes[0].database_url, client_id)
    answers = await redeem(sandboxes[:processes], exchange(code, client_id))
    assert Counter(answer.status for answer in answers) == {200: 1, 400: PARALLEL - 1}
    assert {answer.json()["error"] for answer in answers if answer.status == 400} == {"invalid_grant"}


@pytest.mark.security("RF-06")
@pytest.mark.security("F-03")
@each_number_of_processes
async def test_one_of_two_hundred_rotates_a_public_clients_refresh_token(sandboxes: list[Sandbox], processes: int) -> None:
    token = await first_refresh_token(sandboxes[0], "public-web")
    answers = await redeem(sandboxes[:processes], refresh(token, "public-web"))
    assert Counter(answer.status for answer in answers) == {200: 1, 400: PARALLEL - 1}
    assert {answer.json()["error"] for answer in answers if answer.status == 400} == {"invalid_grant"}


@pytest.mark.security("RF-06")
@pytest.mark.security("RF-12")
@pytest.mark.security("F-03")
@each_number_of_processes
async def test_two_hundred_tries_of_a_confidential_client_get_one_successor(sandboxes: list[Sandbox], processes: int) -> None:
    token = await first_refresh_token(sandboxes[0], "confidential-web")
    answers = await redeem(sandboxes[:processes], refresh(token, "confidential-web"))
    assert Counter(answer.status for answer in answers) == {200: PARALLEL}
    assert len({(answer.json()["access_token"], answer.json()["refresh_token"]) for answer in answers}) == 1
    (again,) = await at_once([(sandboxes[processes - 1].port, refresh(answers[0].json()["refresh_token"], "confidential-web"))])
    assert again.status == 200, again


@pytest.mark.security("F-03")
async def test_each_of_two_hundred_codes_is_redeemed_by_one_of_two_processes(sandboxes: list[Sandbox]) -> None:
    fresh = await codes(sandboxes[0].database_url, "public-web", PARALLEL)
    winners: Counter[int] = Counter()
    for start in range(0, PARALLEL, 50):
        pairs = [(sandbox.port, exchange(code, "public-web")) for code in fresh[start : start + 50] for sandbox in sandboxes]
        answers = await at_once(pairs)
        assert {answer.status for answer in answers} <= {200, 400}
        winners.update(sum(answer.status == 200 for answer in pair) for pair in zip(answers[::2], answers[1::2], strict=True))
        await asyncio.sleep(0)
    assert winners == {1: PARALLEL}
