"""A person who can log in."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar


@dataclass(slots=True, kw_only=True)
class User:
    """A person. ``id`` is the ``sub`` of their tokens and is never given to anyone else.

    ``username_key`` and ``email_key`` are the spellings in which a name is looked up (see :mod:`app.core.passwords`); a user without
    ``password_hash`` cannot log in by password. A grant that is not younger than ``password_changed_at`` gives no right any more, also
    one that was under way when the password changed. Since ``second_factor_at`` a password alone does not prove who this is.
    ``claims`` is what else is known of them, as JSON text: the standard claims that no column holds (OpenID Connect Core §5.1).
    """

    table: ClassVar[str] = "user"

    id: str
    username: str
    username_key: str
    email: str | None = None
    email_key: str | None = None
    name: str | None = None
    password_hash: str | None = None
    password_changed_at: datetime | None = None
    created_at: datetime
    updated_at: datetime
    disabled_at: datetime | None = None
    second_factor_at: datetime | None = None
    claims: str | None = None

    @property
    def standard_claims(self) -> dict[str, Any]:
        """Return what is known of the person (OpenID Connect Core §5.1), but for their ``sub``.

        An address or number that nobody has verified is told to be so.
        """
        known = json.loads(self.claims) if self.claims is not None else {}
        for name, value in (("name", self.name), ("preferred_username", self.username), ("email", self.email)):
            if value is not None:
                known[name] = value
        for name in ("email", "phone_number"):
            if name in known:
                known.setdefault(f"{name}_verified", False)
        return {**known, "updated_at": int(self.updated_at.timestamp())}

    def get_user_id(self) -> str:
        """Answer Authlib's question."""
        return self.id
