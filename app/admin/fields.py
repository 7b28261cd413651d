"""Reading what an operator declares: a table of keys, each with the type and form it must have.

``None`` from here means "not declared": the object keeps what it has. An empty text, list or table is declared, and clears.
"""

import contextlib
import json
import re
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Final
from urllib.parse import urlsplit

from app.core.mistakes import Mistake

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
"""Control characters, and the halves of surrogate pairs that JSON can spell: no database and no log takes them."""
_VISIBLE: Final = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?")
_DIGITS: Final = 20
MAXIMUM_ENTRIES: Final = 200
"""Of a list."""
MAXIMUM_SHOPS: Final = 10_000
"""Of one client, or one person, in a file."""


class Refused(Mistake):
    """A declared value cannot be; the text is the key and the reason. ``key`` is empty where the object as a whole is meant."""

    def __init__(self, key: str, reason: str) -> None:
        super().__init__(f"{key}: {reason}" if key else reason)
        self.key = key
        self.reason = reason


class Fields:
    """The keys of one declared object. A key that is ``null`` (JSON) counts as not declared."""

    def __init__(self, values: Mapping[str, object]) -> None:
        self._values = {name: value for name, value in values.items() if value is not None}

    def names(self) -> tuple[str, ...]:
        """Return the declared keys in their order."""
        return tuple(self._values)

    def given(self, key: str) -> object:
        """Return a value as it is declared, unchecked."""
        return self._values.get(key)

    def allow(self, known: Collection[str]) -> None:
        """Check that there is no other key.

        Raises:
            Refused: with the first unknown key.
        """
        for name in self._values:
            if name not in known:
                raise Refused(name, f"is no key here: there are {', '.join(known)}")

    def text(self, key: str, maximum: int) -> str | None:
        """Return a text of at most ``maximum`` characters.

        Raises:
            Refused: it is none, too long, or holds a control character.
        """
        value = self._values.get(key)
        return None if value is None else _text(key, value, maximum)

    def lines(self, key: str, maximum: int) -> str | None:
        """Return a text of several lines; Windows' ends of lines count as the others.

        Raises:
            Refused: as for :meth:`text`.
        """
        value = self._values.get(key)
        if not isinstance(value, str):
            return self.text(key, maximum)
        value = value.replace("\r\n", "\n")
        _text(key, value.replace("\n", " "), maximum)
        return value

    def required(self, key: str, maximum: int) -> str:
        """Return a text that must be there.

        Raises:
            Refused: it is missing or empty, or as for :meth:`text`.
        """
        value = self.text(key, maximum)
        if not value:
            raise Refused(key, "is missing")
        return value

    def identifier(self, key: str, maximum: int) -> str | None:
        """Return a text of visible ASCII characters; a space may stand inside (VSCHAR of RFC 6749 appendix A).

        Raises:
            Refused: it is something else.
        """
        value = self.text(key, maximum)
        if value and _VISIBLE.fullmatch(value) is None:
            raise Refused(key, "takes printable ASCII characters, with no space at its ends")
        return value

    def texts(self, key: str, maximum: int, most: int = MAXIMUM_ENTRIES) -> list[str] | None:
        """Return a list of at most ``most`` distinct texts.

        Raises:
            Refused: it is none, too long, or one of them is empty or no text.
        """
        value = self._values.get(key)
        if value is None:
            return None
        if not isinstance(value, list | tuple):
            raise Refused(key, f'must be a list of texts, as ["…"], not {_kind(value)}')
        if len(value) > most:
            raise Refused(key, f"has more than {most} entries")
        found = [_text(key, one, maximum) for one in value]
        if "" in found:
            raise Refused(key, "holds an empty text")
        return list(dict.fromkeys(found))

    def spaced(self, key: str, maximum: int) -> list[str] | None:
        """Return a list of distinct texts without spaces, also where they are written as one text with spaces between them.

        Raises:
            Refused: as for :meth:`texts`.
        """
        value = self._values.get(key)
        if isinstance(value, str):
            return [_text(key, one, maximum) for one in dict.fromkeys(value.split(" ")) if one]
        return self.texts(key, maximum)

    def words(self, key: str, maximum: int) -> dict[str, str] | None:
        """Return a table of texts by language, as ``{ en = "…", zh = "…" }``.

        Raises:
            Refused: it is none, or a key of it is no language.
        """
        value = self._values.get(key)
        if value is None:
            return None
        if not isinstance(value, Mapping):
            raise Refused(key, f'must be a table of languages, as {{ en = "…", zh = "…" }}, not {_kind(value)}')
        for language in value:
            if not isinstance(language, str) or re.fullmatch(r"[a-z]{2,3}(?:-[A-Za-z0-9]{1,8}){0,3}", language) is None:
                raise Refused(key, f"{language!r} is no language tag, as en or zh")
        return {language: _text(f"{key}.{language}", text, maximum) for language, text in value.items()}

    def choice(self, key: str) -> str | bool | None:
        """Return a text, or true or false.

        Raises:
            Refused: it is something else.
        """
        value = self._values.get(key)
        return value if value is None or isinstance(value, bool) else _text(key, value, 64)

    def number(self, key: str, most: int) -> int | str | None:
        """Return a whole number from 0 to ``most``, also where it is written as text; an empty text is itself.

        Raises:
            Refused: it is something else.
        """
        value = self._values.get(key)
        if isinstance(value, str):
            value = int(value) if value.isascii() and value.isdigit() and len(value) <= _DIGITS else value
        if value is None or value == "":
            return value
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= most:
            raise Refused(key, f"must be a number from 0 to {most}")
        return value

    def flag(self, key: str) -> bool | str | None:
        """Return true or false; an empty text is itself.

        Raises:
            Refused: it is something else.
        """
        value = self._values.get(key)
        if value is None or value == "" or isinstance(value, bool):
            return value
        raise Refused(key, f"must be true or false, not {_kind(value)}")

    def truth(self, key: str) -> bool | None:
        """Return true or false; an empty text is not declared.

        Raises:
            Refused: it is something else.
        """
        value = self.flag(key)
        return value if isinstance(value, bool) else None

    def moment(self, key: str) -> datetime | None:
        """Return a moment in UTC: TOML's own, or RFC 3339 text.

        Raises:
            Refused: it is something else, or says no time zone.
        """
        value = self._values.get(key)
        if isinstance(value, str):
            with contextlib.suppress(ValueError):
                value = datetime.fromisoformat(value)
        if value is None:
            return None
        if not isinstance(value, datetime) or value.tzinfo is None:
            raise Refused(key, "must be a moment with its time zone, as 2027-01-31T00:00:00Z")
        try:
            return value.astimezone(UTC)
        except OverflowError:
            raise Refused(key, "is no moment that there is in UTC") from None

    def url(self, key: str) -> str | None:
        """Return the address of a page or document: http or https, at most 2000 characters.

        Raises:
            Refused: it is something else.
        """
        value = self.identifier(key, 2000)
        if value and web_url_problem(value):
            raise Refused(key, f"{value}: {web_url_problem(value)}")
        return value

    def table(self, key: str) -> Mapping[str, object] | None:
        """Return a table as it is, also where it is written as JSON text; an empty text is an empty table.

        Raises:
            Refused: it is none.
        """
        value = self._values.get(key)
        if isinstance(value, str):
            value = _parsed(value) if value else {}
        if value is not None and not isinstance(value, Mapping):
            raise Refused(key, f"must be a table, not {_kind(value)}")
        return value

    def tables(self, key: str, most: int = MAXIMUM_ENTRIES) -> list[Mapping[str, object]] | None:
        """Return a list of at most ``most`` tables as they are.

        Raises:
            Refused: it is none, or too long.
        """
        value = self._values.get(key)
        if value is None:
            return None
        if not isinstance(value, list | tuple) or not all(isinstance(one, Mapping) for one in value):
            raise Refused(key, f"must be a list of tables, as [{{ … }}], not {_kind(value)}")
        if len(value) > most:
            raise Refused(key, f"has more than {most} entries")
        return list(value)


def web_url_problem(url: str) -> str | None:
    """Return why a text is no http or https address, or ``None``."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return "not a URL"
    if parts.scheme not in {"http", "https"} or not parts.hostname or " " in url:
        return "must be an http or https address"
    return "holds a user name" if "@" in parts.netloc else None


def origin_problem(origin: str) -> str | None:
    """Return why a text is no web origin (RFC 6454 §6.2) as browsers send it, or ``None``."""
    problem = web_url_problem(origin)
    if problem is not None:
        return problem
    parts = urlsplit(origin)
    if origin != f"{parts.scheme}://{parts.netloc}".lower() or "*" in origin:
        return "an origin is scheme, host and port alone, in lower case and without a wildcard, as https://app.example.com"
    return None


def _parsed(text: str) -> object:
    """Return what a JSON text says, or the text itself where it is none."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _text(key: str, value: object, maximum: int) -> str:
    if not isinstance(value, str):
        raise Refused(key, f"must be a text, not {_kind(value)}")
    if len(value) > maximum:
        raise Refused(key, f"is longer than {maximum} characters")
    if _CONTROL.search(value):
        raise Refused(key, "holds a control character")
    return value


def _kind(value: object) -> str:
    """Return what a value is, in words: values themselves are never quoted, for any of them may be a secret in the wrong place."""
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, int | float):
        return "a number"
    if isinstance(value, str):
        return "a text"
    if isinstance(value, list | tuple):
        return "a list"
    return "a table" if isinstance(value, Mapping) else "a date or time"
