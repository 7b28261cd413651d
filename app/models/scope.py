"""A scope that clients may ask for, with its words for people."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar


@dataclass(slots=True, kw_only=True)
class Scope:
    """A scope; ``title`` maps a language (``en``, ``zh``) to what a person reads on the consent page."""

    table: ClassVar[str] = "scope"

    name: str
    title: Mapping[str, str]
