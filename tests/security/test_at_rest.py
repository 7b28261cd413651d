"""What lies on the disk: digests instead of secrets, whole values, and files for their owner alone."""

import asyncio
import contextlib
import os
import re
import sqlite3
import stat
import subprocess
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from app.admin import create_client, list_clients, rotate_secret, show_client
from app.core.secrets import digest
from app.ledger import Needs
from tests.fixtures.postgresql import RemotePostgres, find_binaries
from tests.fixtures.server import Server
from tests.fixtures.world import World
from tests.security.doors import JSON, encoded, knock
from tests.security.exercise import Robbed, seen
from tests.security.live import open_live

SHA256 = 32


async def stored(url: str, request: pytest.FixtureRequest) -> bytes:
    """Return all that a thief of the database has: its files, or a dump of it."""
    if url.startswith("sqlite"):
        file = Path(url.removeprefix("sqlite:///"))
        return b"".join(path.read_bytes() for path in sorted(file.parent.glob(f"{file.name}*")))
    program = dump_program()
    if program is None or isinstance(request.getfixturevalue("postgres_cluster"), RemotePostgres):
        return await copied(url)
    command = [str(program), "--dbname", url]
    return await asyncio.to_thread(lambda: subprocess.check_output(command)) + await copied(url)


def dump_program() -> Path | None:
    """Return ``pg_dump`` of the server's own version, if it lies beside it."""
    binaries = find_binaries()
    folders = [] if binaries is None else [binaries, (binaries / "postgres").resolve().parent]
    return next((folder / "pg_dump" for folder in folders if (folder / "pg_dump").exists()), None)


async def copied(url: str) -> bytes:
    """Return every row of every table as text."""
    connection = await asyncpg.connect(url)
    try:
        tables = await connection.fetch("SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace")
        found = [str(row) for (name,) in tables for row in await connection.fetch(f'SELECT t::text FROM "{name}" t')]  # noqa: S608
        return "\n".join(found).encode()
    finally:
        await connection.close()


async def rows(url: str, query: str) -> list[Any]:
    """Return rows of a running server's database."""
    if url.startswith("sqlite"):
        with contextlib.closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as file:
            return file.execute(query).fetchall()
    connection = await asyncpg.connect(url)
    try:
        return [tuple(row) for row in await connection.fetch(query)]
    finally:
        await connection.close()


@pytest.mark.security("AT-01")
@pytest.mark.security("AT-02")
@pytest.mark.security("AT-03")
@pytest.mark.security("AT-04")
@pytest.mark.security("AT-05")
async def test_nothing_that_was_issued_or_sent_can_be_found_in_the_database(robbed: Robbed, request: pytest.FixtureRequest) -> None:
    found = await stored(robbed.live.database_url, request)
    assert len(robbed.walked.secrets) > 100
    assert b"demo-service" in found
    assert seen(found, robbed.walked.secrets) == []
    assert b"PRIVATE KEY" not in found
    assert b'"d":' not in found


@pytest.mark.security("AT-01")
@pytest.mark.security("AT-02")
@pytest.mark.parametrize(
    "query", ["SELECT token_hash FROM token", "SELECT code_hash FROM authorization_code", "SELECT secret_hash FROM client_secret"]
)
async def test_every_credential_of_a_machine_is_a_sha_256(robbed: Robbed, query: str) -> None:
    digests = [bytes(value) for (value,) in await rows(robbed.live.database_url, query)]
    assert digests
    assert {len(value) for value in digests} == {SHA256}
    assert not {digest(secret) for secret in robbed.walked.secrets}.isdisjoint(digests)


@pytest.mark.security("AT-03")
async def test_every_password_is_an_argon2id(robbed: Robbed) -> None:
    passwords = [value for (value,) in await rows(robbed.live.database_url, 'SELECT password_hash FROM "user"')]
    assert passwords
    for value in passwords:
        found = re.fullmatch(r"\$argon2id\$v=19\$m=(\d+),t=(\d+),p=\d+\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}", value)
        assert found is not None
        assert int(found[1]) >= 19456
        assert int(found[2]) >= 2


@pytest.mark.security("AT-05")
async def test_an_answer_that_may_be_repeated_is_sealed_and_only_for_those_who_may(robbed: Robbed) -> None:
    url = robbed.live.database_url
    sealed = [bytes(value) for (value,) in await rows(url, "SELECT successor_sealed FROM token WHERE successor_sealed IS NOT NULL")]
    public = await rows(
        url,
        'SELECT t.successor_sealed FROM token t JOIN "grant" g ON g.id = t.grant_id JOIN client c ON c.client_id = g.client_id'
        " WHERE c.token_endpoint_auth_method = 'none' AND t.used_at IS NOT NULL",
    )
    assert len(sealed) > 3
    assert len({value[:12] for value in sealed}) == len(sealed)
    assert public
    assert all(value is None for (value,) in public)


@pytest.mark.security("AT-06")
@pytest.mark.parametrize("bend", ["cut", "padded", "doubled", "case", "space", "NUL"])
async def test_the_whole_of_a_value_counts(world: World, bend: str) -> None:
    def bent(value: str) -> str:
        ways = {"cut": value[:-1], "padded": value + "=", "doubled": value * 2, "case": value.swapcase(), "space": value + " "}
        return {**ways, "NUL": value + "\0"}[bend]

    store = {**world.credentials("hex-demo"), "store_id": "S001"}
    token = (await world.send("POST", "/third_party/oauth2/token", json=store)).json()["payload"]["access_token"]
    answer = await world.post("/introspect", {"token": bent(token), **world.credentials("hex-demo")})
    assert answer.status_code == 400 if bend == "NUL" else answer.json() == {"active": False}
    wrong = {**store, "client_secret": bent(store["client_secret"])}
    refused = await knock(world.app, "/third_party/oauth2/token", [("content-type", JSON)], encoded(wrong, JSON), address=world.address)
    assert refused.status == (400 if bend == "NUL" else 401)


@pytest.mark.security("AT-07")
async def test_the_longest_values_that_are_taken_are_kept_whole(world: World) -> None:
    client_id, name, shop = "c" * 200, "有" * 200, "s" * 200
    uri = "https://long.example.com/" + "u" * 1900
    scopes = [f"scope{number:03}{'x' * 30}" for number in range(100)]
    await world.declare(
        f'[[shops]]\ndialect = "hex"\ncode = "{shop}"\n[[users]]\nusername = "{"n" * 200}"\nemail = "{"e" * 308}@example.com"\n'
        f'password = "{"p" * 1024}"\n[[clients]]\nclient_id = "{client_id}"\nclient_secret = "{"k" * 1024}"\nclient_name = "{name}"\n'
        f'dialect = "open_platform"\nscope = "{" ".join(scopes)}"\nredirect_uris = ["{uri}"]\n'
        f'[[clients]]\nclient_id = "h{"c" * 199}"\nclient_secret = "k"\ndialect = "hex"\nshops = ["{shop}"]'
    )
    person = {"grant_type": "password", "username": "n" * 200, "password": "p" * 1024}
    answer = await world.post("/oauth2/password", {**person, "client_id": client_id, "client_secret": "k" * 1024})
    assert answer.status_code == 200, answer.text
    assert answer.json()["scope"] == " ".join(scopes)
    shown = await world.post("/introspect", {"token": answer.json()["access_token"], **world.credentials(client_id)})
    assert shown.json()["client_id"] == client_id
    assert shown.json()["scope"] == " ".join(scopes)
    assert shown.json()["username"] == "n" * 200
    by_address = {**person, "username": "e" * 308 + "@example.com", "client_id": client_id, "client_secret": "k" * 1024}
    assert (await world.post("/oauth2/password", by_address)).status_code == 200
    code = {"grant_type": "authorization_code", "code": await world.code(client_id, redirect_uri=uri), "redirect_uri": uri}
    cut = await world.post("/oauth2/authorize", {**code, "redirect_uri": uri[:-1], **world.credentials(client_id)})
    assert cut.json()["error"] == "invalid_grant"
    assert (await world.post("/oauth2/authorize", {**code, **world.credentials(client_id)})).status_code == 200
    store = {"client_id": f"h{'c' * 199}", "client_secret": "k", "store_id": shop}
    assert (await world.send("POST", "/third_party/oauth2/token", json=store)).status_code == 200
    for bent in (client_id[:-1], client_id + "c"):
        wrong = {"grant_type": "client_credentials", "client_id": bent, "client_secret": "k" * 1024}
        assert (await world.post("/oauth2/client-credentials", wrong)).status_code == 401


@pytest.mark.security("AT-07")
@pytest.mark.parametrize("size", [199, 201, 5_000, 60_000])
async def test_a_name_that_is_too_long_is_nobody_and_no_fault_of_ours(world: World, size: int) -> None:
    for fields in ({"client_id": "c" * size}, {"client_id": "demo-post" + "\u4e2d" * (size // 3)}):
        answer = await world.post("/token", {"grant_type": "client_credentials", "client_secret": "s", **fields})
        assert answer.status_code in {400, 401, 413}
    store = {**world.credentials("hex-demo"), "store_id": "S001" + "x" * size}
    assert (await world.send("POST", "/third_party/oauth2/token", json=store)).status_code in {400, 403}
    person = {"grant_type": "password", "username": "alice" + "e" * size, "password": "p", **world.credentials("platform-demo")}
    assert (await world.post("/oauth2/password", person)).status_code in {400, 413}


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.security("AT-08")
def test_the_files_of_the_database_are_their_owners_alone(tmp_path: Path) -> None:
    file = tmp_path / "tokenry.db"
    before = os.umask(0)
    try:
        with open_live(f"sqlite:///{file}") as live:
            assert live.server.pid
            names = {path.name: oct(mode(path)) for path in tmp_path.glob("tokenry.db*")}
    finally:
        os.umask(before)
    assert {"tokenry.db", "tokenry.db-wal", "tokenry.db-shm"} <= set(names)
    assert set(names.values()) == {"0o600"}


@pytest.mark.security("AT-08")
def test_the_temporary_database_of_a_sandbox_is_its_owners_alone(tmp_path: Path) -> None:
    with Server(None, command="sandbox", environment={"TMPDIR": str(tmp_path)}) as server:
        assert server.pid
        found = [path for path in tmp_path.rglob("*") if "tokenry" in path.name]
        assert any(path.name == "tokenry.db" for path in found)
        for path in found:
            assert mode(path) & 0o077 == 0, path
        server.stop()
    assert not list(tmp_path.rglob("tokenry.db*"))


@pytest.mark.security("AT-09")
async def test_the_purge_keeps_the_memory_of_a_replay_until_its_family_ends(world: World) -> None:
    code = {"grant_type": "authorization_code", "code": await world.code("demo-legacy"), "redirect_uri": "http://127.0.0.1:9401/cb"}
    first = (await world.post("/token", code, basic="demo-legacy")).json()
    second = (
        await world.post("/token", {"grant_type": "refresh_token", "refresh_token": first["refresh_token"]}, basic="demo-legacy")
    ).json()
    world.clock.move(days=20)
    third = (
        await world.post("/token", {"grant_type": "refresh_token", "refresh_token": second["refresh_token"]}, basic="demo-legacy")
    ).json()
    world.clock.move(days=20)
    await world.storage.purge(world.clock.now())
    assert await world.is_alive(third["refresh_token"])
    replay = await world.post("/token", {"grant_type": "refresh_token", "refresh_token": first["refresh_token"]}, basic="demo-legacy")
    assert replay.json()["error"] == "invalid_grant"
    assert world.notes.events[-1].replayed
    assert not await world.is_alive(third["refresh_token"])
    assert (await world.post("/token", code, basic="demo-legacy")).json()["error"] == "invalid_grant"
    world.clock.move(days=400)
    await world.storage.purge(world.clock.now())
    facts = await world.storage.load(Needs(token_hash=digest(third["refresh_token"]), code_hash=digest(code["code"])))
    assert (facts.token, facts.code) == (None, None)


@pytest.mark.security("AT-02")
async def test_an_operator_sees_a_made_secret_once(world: World, tmp_path: Path) -> None:
    declared = {"client_id": "once", "dialect": "open_platform", "grant_types": ["client_credentials"]}
    made = await create_client(world.operator, declared)
    assert made.secret is not None
    rotated = await rotate_secret(world.operator, "once")
    assert rotated.secret is not None
    shown = f"{await show_client(world.operator, 'once')} {await list_clients(world.operator)} {made!r} {rotated!r} {world.operator!r}"
    assert made.secret not in shown
    assert rotated.secret not in shown
    assert digest(made.secret).hex() not in shown
