"""Facts about the database itself."""

from dataclasses import dataclass
from typing import ClassVar

from sqlalchemy import Column, String, Table, Text

from app.models.record import metadata


@dataclass(slots=True, kw_only=True)
class Property:
    """A named fact about this database; ``sandbox`` marks one that holds demo identities."""

    table: ClassVar[Table] = Table(
        "property",
        metadata,
        Column("name", String(64), primary_key=True),
        Column("value", Text, nullable=False),
    )

    name: str
    value: str
