"""Every record's fields are its table's columns, so that a row and a record can be made of each other."""

import dataclasses
import typing
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, get_args, get_origin

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import JSON, BigInteger, Boolean, DateTime, Integer, LargeBinary, String, Table, Text
from sqlalchemy.dialects import mysql, postgresql, sqlite

import app.models
from app.models import (
    Attempt,
    AuditEvent,
    AuthorizationCode,
    Client,
    ClientSecret,
    ClientShop,
    Consent,
    Grant,
    LogoutNotice,
    Passkey,
    PasswordReset,
    Property,
    RecoveryCode,
    Resource,
    Scope,
    Session,
    SessionClient,
    Shop,
    SigningKey,
    Token,
    Totp,
    UsedAssertion,
    User,
    UserShop,
    columns_of,
    names_of,
)
from app.models.record import Record, from_microseconds, to_microseconds
from app.models.schema import UtcDateTime, metadata, table_of

RECORDS: tuple[type[Record], ...] = (
    Attempt,
    AuditEvent,
    AuthorizationCode,
    Client,
    ClientSecret,
    ClientShop,
    Consent,
    Grant,
    LogoutNotice,
    Passkey,
    PasswordReset,
    Property,
    RecoveryCode,
    Resource,
    Scope,
    Session,
    SessionClient,
    Shop,
    SigningKey,
    Token,
    Totp,
    UsedAssertion,
    User,
    UserShop,
)
NO_COLUMNS: Mapping[type[Record], set[str]] = {Client: {"secrets", "resources"}}
TYPES: Mapping[type, tuple[type, ...]] = {
    str: (String, Text),
    bytes: (LargeBinary,),
    int: (Integer,),
    bool: (Boolean,),
    datetime: (UtcDateTime,),
    list: (JSON,),
    Mapping: (JSON,),
}
every_record = pytest.mark.parametrize("record", RECORDS)


def fields_of(record: type[Record]) -> dict[str, Any]:
    """Return the fields that are columns, with their types."""
    hints = typing.get_type_hints(record)
    names = [field.name for field in dataclasses.fields(record)]  # type: ignore[arg-type]  # every record is a dataclass
    return {name: hints[name] for name in names if name not in NO_COLUMNS.get(record, set())}


@every_record
def test_the_fields_are_the_columns_in_their_order(record: type[Record]) -> None:
    assert tuple(fields_of(record)) == names_of(record) == tuple(table_of(record).columns.keys())


@every_record
def test_a_field_may_be_none_where_its_column_may(record: type[Record]) -> None:
    optional = {name for name, hint in fields_of(record).items() if type(None) in get_args(hint)}
    assert optional == {column.name for column in table_of(record).columns if column.nullable}
    assert optional == {column.name for column in columns_of(record) if column.is_nullable}


@every_record
def test_a_field_has_the_type_of_its_column(record: type[Record]) -> None:
    for name, hint in fields_of(record).items():
        plain = next((part for part in get_args(hint) if part is not type(None)), hint) if type(None) in get_args(hint) else hint
        assert isinstance(table_of(record).columns[name].type, TYPES[get_origin(plain) or plain]), name


@every_record
def test_a_record_has_slots_and_nothing_else(record: type[Record]) -> None:
    assert "__slots__" in vars(record)
    if record is not Client:  # Authlib's mixin has none
        with pytest.raises(AttributeError):
            object.__new__(record).something = 1  # type: ignore[attr-defined]  # what is tested


def test_every_table_has_a_record() -> None:
    assert {record.table for record in RECORDS} == set(metadata.tables)
    assert {record.__name__ for record in RECORDS} | {"columns_of", "names_of"} == set(app.models.__all__)


@pytest.mark.security("AT-01")
@pytest.mark.security("AT-02")
def test_no_credential_has_a_column_of_its_own_but_as_a_digest_or_sealed() -> None:
    words = ("secret", "token", "code", "password", "successor")
    allowed = {
        ("client_secret", "secret_hash"),
        ("client_secret", "secret_sealed"),
        ("token", "token_hash"),
        ("token", "successor_hash"),
        ("token", "successor_sealed"),
        ("authorization_code", "code_hash"),
        ("authorization_code", "code_challenge"),
        ("authorization_code", "code_challenge_method"),
        ("client", "token_endpoint_auth_method"),
        ("user", "password_hash"),
        ("user", "password_changed_at"),
        ("shop", "code"),
        ("password_reset", "token_hash"),
        ("totp", "secret_sealed"),
        ("recovery_code", "code_hash"),
    }
    found = {
        (table.name, column.name)
        for table in metadata.tables.values()
        for column in table.columns
        if any(word in column.name for word in words)
    }
    assert found == allowed


def test_a_digest_fits_its_column_exactly() -> None:
    digests = [column for table in metadata.tables.values() for column in table.columns if column.name.endswith("_hash")]
    sizes = {f"{column.table.name}.{column.name}": getattr(column.type, "length", None) for column in digests}
    assert sizes == {
        "authorization_code.code_hash": 32,
        "client_secret.secret_hash": 32,
        "password_reset.token_hash": 32,
        "recovery_code.code_hash": 32,
        "session.id_hash": 32,
        "token.token_hash": 32,
        "token.successor_hash": 32,
        "user.password_hash": 400,
    }


@pytest.mark.security("AT-07")
def test_the_keys_of_people_have_room_for_what_folding_adds() -> None:
    for name in ("username", "email"):
        key, shown = table_of(User).columns[f"{name}_key"].type, table_of(User).columns[name].type
        assert isinstance(key, String)
        assert isinstance(shown, String)
        assert (key.length or 0) >= 2 * (shown.length or 0)


def test_hot_tables_have_no_foreign_keys() -> None:
    hot: list[Table] = [table_of(record) for record in (Grant, Token, AuthorizationCode, Attempt)]
    assert not [table.name for table in hot if table.foreign_keys]


# -- moments ---------------------------------------------------------------------------------------------------------------------

moments = st.datetimes(min_value=datetime(1900, 1, 1), max_value=datetime(9999, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001 (bounds)


@given(moments)
def test_a_moment_survives_as_microseconds(moment: datetime) -> None:
    assert from_microseconds(to_microseconds(moment)) == moment
    assert from_microseconds(to_microseconds(moment)).tzinfo is UTC


@given(moments, moments)
def test_microseconds_keep_the_order_of_moments(one: datetime, other: datetime) -> None:
    assert (to_microseconds(one) < to_microseconds(other)) == (one < other)


def test_the_zone_of_a_moment_makes_no_difference() -> None:
    moment = datetime(2026, 11, 22, 8, tzinfo=timezone(timedelta(hours=8)))
    assert from_microseconds(to_microseconds(moment)) == datetime(2026, 11, 22, tzinfo=UTC)


def test_a_moment_is_timestamptz_on_postgresql_and_an_integer_elsewhere() -> None:
    kind, moment = UtcDateTime(), datetime(2026, 11, 22, 1, 2, 3, 4, tzinfo=UTC)
    on_postgresql = kind.load_dialect_impl(postgresql.dialect())  # type: ignore[no-untyped-call]  # SQLAlchemy's own
    assert isinstance(on_postgresql, DateTime)
    assert on_postgresql.timezone
    assert kind.process_bind_param(moment, postgresql.dialect()) is moment  # type: ignore[no-untyped-call]  # SQLAlchemy's own
    assert kind.process_result_value(moment, postgresql.dialect()) is moment  # type: ignore[no-untyped-call]  # SQLAlchemy's own
    for dialect in (sqlite.dialect(), mysql.dialect()):
        assert isinstance(kind.load_dialect_impl(dialect), BigInteger)
        count = kind.process_bind_param(moment, dialect)
        assert count == 1_795_309_323_000_004
        assert kind.process_result_value(count, dialect) == moment
        assert kind.process_bind_param(None, dialect) is None
        assert kind.process_result_value(None, dialect) is None
