"""What all records share: the metadata, the column types, and the list of a record's columns."""

from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, ClassVar, Final, Protocol

from sqlalchemy import BigInteger, DateTime, Dialect, MetaData, Table, TypeDecorator
from sqlalchemy.types import TypeEngine

metadata: Final = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


class Record(Protocol):
    """A row of one table as a plain object."""

    table: ClassVar[Table]


class UtcDateTime(TypeDecorator[datetime]):
    """An aware UTC datetime: ``timestamptz`` on PostgreSQL, microseconds since 1970 as an integer elsewhere.

    The integer keeps order, precision and zone on databases whose own type drops one of them.
    """

    impl = BigInteger
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Choose the column type of the database at hand."""
        return dialect.type_descriptor(DateTime(timezone=True) if dialect.name == "postgresql" else BigInteger())

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:  # noqa: ANN401 (the driver's own type)
        """Turn a datetime into what the driver takes."""
        return value if value is None or dialect.name == "postgresql" else to_microseconds(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:  # noqa: ANN401 (the driver's own type)
        """Turn what the driver gave into a datetime."""
        return value if value is None or dialect.name == "postgresql" else from_microseconds(value)


def to_microseconds(moment: datetime) -> int:
    """Return the microseconds from 1970 to an aware datetime."""
    return (moment - _EPOCH) // _MICROSECOND


def from_microseconds(count: int) -> datetime:
    """Return the aware UTC datetime that many microseconds after 1970."""
    return _EPOCH + timedelta(microseconds=count)


@cache
def columns_of(model: type[Record]) -> tuple[str, ...]:
    """Return the names of a record's columns, in the order of its fields."""
    return tuple(column.name for column in model.table.columns)
