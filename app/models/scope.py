"""A scope that clients may ask for, with its words for people."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from sqlalchemy import JSON, Column, String, Table

from app.models.record import metadata


@dataclass(slots=True, kw_only=True)
class Scope:
    """A scope; ``title`` maps a language (``en``, ``zh``) to what a person reads on the consent page."""

    table: ClassVar[Table] = Table(
        "scope",
        metadata,
        Column("name", String(200), primary_key=True),
        Column("title", JSON, nullable=False),
    )

    name: str
    title: Mapping[str, str]
