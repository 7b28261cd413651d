"""Facts about the database itself."""

from dataclasses import dataclass
from typing import ClassVar


@dataclass(slots=True, kw_only=True)
class Property:
    """A named fact about this database; ``sandbox`` marks one that holds demo identities."""

    table: ClassVar[str] = "property"

    name: str
    value: str
