"""How partners speak: each dialect is a data file; this room reads a request by it into RFC words and renders the outcome by it.

The front door is :class:`Dialects`: the dialects that are loaded, and the doors (method and path) they declare together.
"""

from app.dialects.authorization_door import AuthorizationDoor, AuthorizationReading
from app.dialects.credentials import is_basic
from app.dialects.door import Answer, Door, Reading, WireRequest
from app.dialects.loader import DialectError, Dialects, load_dialects, read_dialect
from app.dialects.quirks import Strictness, quirks_on, strictness_of, switched
from app.dialects.table import parameter_tables
from app.dialects.userinfo_door import UserInfoDoor

MachineDoor = Door | UserInfoDoor
"""A door that machines knock at, and that the pipeline answers at."""

__all__ = [
    "Answer",
    "AuthorizationDoor",
    "AuthorizationReading",
    "DialectError",
    "Dialects",
    "Door",
    "MachineDoor",
    "Reading",
    "Strictness",
    "UserInfoDoor",
    "WireRequest",
    "is_basic",
    "load_dialects",
    "parameter_tables",
    "quirks_on",
    "read_dialect",
    "strictness_of",
    "switched",
]
