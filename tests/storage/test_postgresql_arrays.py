"""Arrays that we make ourselves arrive as those do that asyncpg makes."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.storage import _postgresql_arrays as arrays

texts = st.text(st.characters(codec="utf-8", exclude_characters="\x00"))
moments = st.datetimes(datetime(1, 1, 2), timezones=st.sampled_from([UTC, timezone(timedelta(hours=8))]))  # noqa: DTZ001 (bounds have none)
COLUMNS = {"text": texts, "bytea": st.binary(), "int": st.integers(-(2**31), 2**31 - 1), "timestamptz": moments}


@pytest.fixture(scope="module")
async def connections(postgres_cluster: Any) -> Any:
    url = postgres_cluster.create_database("tokenry_arrays")
    theirs, ours = await asyncpg.connect(url), await asyncpg.connect(url)
    arrays.use(ours)
    yield theirs, ours
    await theirs.close()
    await ours.close()
    postgres_cluster.drop_database("tokenry_arrays")


@pytest.mark.parametrize("kind", COLUMNS)
async def test_whatever_is_sent_arrives(connections: tuple[Any, Any], kind: str) -> None:
    theirs, ours = connections
    cases: list[list[Any]] = []

    @given(st.lists(st.none() | COLUMNS[kind], max_size=6) | st.lists(COLUMNS[kind], max_size=6))
    def gather(case: list[Any]) -> None:
        cases.append(case)

    gather()
    assert {len(case) for case in cases} >= {0, 1, 2}
    assert any(None in case for case in cases)
    sql = f"SELECT each::text FROM unnest($1::{kind}[]) AS each"  # noqa: S608 (our own names)
    for case in cases:
        assert await ours.fetch(sql, case) == await theirs.fetch(sql, case)


async def test_a_range_is_an_array_of_its_numbers(connections: tuple[Any, Any]) -> None:
    assert [tuple(row) for row in await connections[1].fetch("SELECT * FROM unnest($1::int[])", range(3))] == [(0,), (1,), (2,)]


@pytest.mark.parametrize(
    ("kind", "value"), [("text", "\ud800"), ("text", 1), ("int", 2**31), ("int", "1"), ("bytea", "text"), ("timestamptz", 1)]
)
async def test_what_no_array_can_hold_is_refused_before_it_is_sent(connections: tuple[Any, Any], kind: str, value: object) -> None:
    _, ours = connections
    with pytest.raises(asyncpg.DataError):
        await ours.fetch(f"SELECT $1::{kind}[]", [value])
    assert await ours.fetchval("SELECT 1") == 1


async def test_a_statement_that_answers_an_array_is_a_fault_of_ours(connections: tuple[Any, Any]) -> None:
    with pytest.raises(TypeError, match="an array was answered"):
        await connections[1].fetchval("SELECT ARRAY[1]")
