"""An authorization door: a path to which clients send browsers, and how its dialects read what the browsers bring (RFC 6749 §3.1).

Reading is strict and never raises. Where something is wrong with the parameters as such, the reading says so, and whether it is
certain nevertheless which client asks and where it wants its answer: only then may that client be told by a redirect.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote, unquote_to_bytes

from app.core.causes import Cause
from app.dialects.codecs import CONTROL, MAXIMUM_FIELDS, URLENCODED, media_type_of
from app.dialects.credentials import MAXIMUM_CLIENT_ID
from app.dialects.dialect import GRANT_TYPES, Dialect, written_type
from app.dialects.door import WireRequest
from app.dialects.file import AuthorizationDoorTable
from app.messages import AuthorizationRequest, Endpoint, Refusal, ResponseType
from app.models import Client

MAXIMUM_REQUEST: Final = 32 * 1024
"""Bytes of a query or body: a state of 4 kB in any script takes 12 kB as it is sent."""
_ALWAYS_UNDERSTOOD: Final = ("response_mode", "request", "request_uri")
"""What would change how a request is read or answered: refused where it cannot be done, and never overlooked."""
_ALSO_UNDERSTOOD: Final = (*_ALWAYS_UNDERSTOOD, "registration")
"""The same where OpenID Connect is spoken."""
_KEPT: Final = re.compile(r"(?:[A-Za-z0-9\-._~!$'()*,;:@/?+=]|%[0-9A-Fa-f]{2})*")
"""What may stand in a value of the redirect as it came; everything else is encoded anew."""


@dataclass(slots=True)
class _Fields:
    """The fields of a query, by their names on the wire; of a field that is spoilt there is no value."""

    values: dict[str, str] = field(default_factory=dict)
    kept: dict[str, str] = field(default_factory=dict)
    """The values as they were sent."""
    spoilt: dict[str, Cause] = field(default_factory=dict)
    """What is wrong, by name."""

    def add(self, raw_name: bytes, raw_value: bytes, repeatable: frozenset[str]) -> None:
        """Add a field; the values of a repeatable one are joined by spaces."""
        name, value = _text(raw_name), _text(raw_value)
        if name is None:
            self.spoilt[""] = Cause.MALFORMED_BODY
        elif name in repeatable and name in self.values and value is not None:
            self.values[name] = f"{self.values[name]} {value}"
        elif name in self.values or name in self.spoilt:
            self.values.pop(name, None)
            self.spoilt[name] = Cause.REPEATED_PARAMETER
        elif value is None:
            self.spoilt[name] = Cause.MALFORMED_BODY
        else:
            self.values[name] = value
            self.kept[name] = _as_sent(raw_value, value)


def _text(raw: bytes) -> str | None:
    """Return what was form-encoded, or ``None`` where it is not UTF-8 or holds a control character."""
    try:
        text = unquote_to_bytes(raw.replace(b"+", b" ")).decode("utf-8")
    except UnicodeDecodeError:
        return None
    return None if CONTROL.search(text) else text


def _as_sent(raw: bytes, value: str) -> str:
    """Return a value as it came, so that whoever decodes it by the rule they encoded it by finds what they sent."""
    text = raw.decode("latin-1")
    return text if _KEPT.fullmatch(text) else quote(value, safe="")


@dataclass(frozen=True, slots=True)
class _Owner:
    """A dialect at this door."""

    dialect: Dialect
    table: AuthorizationDoorTable
    means: Mapping[str, str]
    """What each parameter means that is understood here, by its name on the wire."""
    required: Mapping[str, str]
    """The name on the wire of every parameter without which a client's request cannot be answered, by what it means."""

    @classmethod
    def of(cls, dialect: Dialect, path: str) -> "_Owner":
        table = next(door for door in dialect.authorization_doors if door.path == path)
        understood = {name: dialect.parameters[name].means for name in (*table.required, *table.optional)}
        always = _ALSO_UNDERSTOOD if dialect.speaks_openid else _ALWAYS_UNDERSTOOD
        means = {name: name for name in always if name not in understood.values()} | understood
        return cls(dialect, table, means, {means[name]: name for name in table.required if means[name] != "client_id"})

    def wire_name(self, word: str) -> str | None:
        return next((name for name, means in self.means.items() if means == word), None)

    def parameters(self, values: Mapping[str, str]) -> Mapping[str, str]:
        """Return what was sent and is not empty in RFC words; where no parameter says the response type, the path does."""
        implied = {} if "response_type" in self.means.values() else {"response_type": self.table.response_types[0]}
        sent = {means: values[name] for name, means in self.means.items() if values.get(name)}
        if "response_type" in sent:
            sent["response_type"] = written_type(sent["response_type"])
        return implied | sent

    def response_types(self, client: Client | None) -> Mapping[str, ResponseType]:
        grants = self.dialect.variant(client.options if client is not None else {}).grants
        found: dict[str, ResponseType] = {}
        for response_type in self.table.response_types:
            word = self.dialect.response_types[response_type]
            policy = grants[word]
            found[response_type] = ResponseType(
                GRANT_TYPES[response_type],
                word,
                policy.alone,
                policy.with_shop,
                self.dialect.words_behind(response_type),
                self.table.modes_of(response_type),
            )
        return found


@dataclass(frozen=True, slots=True)
class AuthorizationReading:
    """What a browser brought, before it is known which dialect the client speaks.

    ``query`` is all of it as it came: read again, it means the same. ``client_id`` is the client that it names, if it certainly names
    one.
    """

    door: "AuthorizationDoor"
    query: bytes
    client_id: str | None
    fields: _Fields = field(repr=False)
    refusal: Refusal | None = None
    """Why nothing of the request was read."""

    def choose(self, client: Client | None) -> AuthorizationRequest:
        """Return the request in the client's dialect; without a client, or with one of another door, in the first of the door."""
        return self.door.request(self, client)


class AuthorizationDoor:
    """One path and its owners."""

    def __init__(self, path: str, dialects: Iterable[Dialect]) -> None:
        """Open the door.

        Raises:
            ValueError: the dialects disagree on the methods, or on the name that is read before the dialect is known.
        """
        self.path = path
        self.owners = {dialect.name: _Owner.of(dialect, path) for dialect in dialects}
        self._first = next(iter(self.owners.values()))
        self.methods = tuple(self._first.table.methods)
        if any(set(owner.table.methods) != set(self.methods) for owner in self.owners.values()):
            raise ValueError("its dialects disagree on methods")
        names = {name for owner in self.owners.values() if (name := owner.wire_name("client_id")) is not None}
        if len(names) > 1:
            raise ValueError(f"its dialects call client_id by different names: {', '.join(sorted(names))}")
        self._client_id = names.pop()
        self._repeatable = frozenset(name for owner in self.owners.values() for name in owner.table.repeatable)

    def read(self, wire: WireRequest) -> AuthorizationReading:
        """Read what a browser brought: the query of a GET, the urlencoded body of a POST (OpenID Connect Core §3.1.2.1)."""
        if wire.method not in self.methods:
            return self._unread(Refusal(Cause.METHOD_NOT_ALLOWED, allow=", ".join(self.methods)))
        if wire.method == "GET":
            return self.resume(wire.query)
        if wire.query:
            return self._unread(Refusal(Cause.PARAMETER_IN_QUERY))
        if media_type_of(wire.content_type) != URLENCODED:
            return self._unread(Refusal(Cause.UNSUPPORTED_MEDIA_TYPE))
        if len(wire.body) > MAXIMUM_REQUEST:
            return self._unread(Refusal(Cause.BODY_TOO_LARGE))
        return self.resume(wire.body)

    def resume(self, query: bytes) -> AuthorizationReading:
        """Read a query, also one that was read before and kept."""
        if len(query) > MAXIMUM_REQUEST:
            return self._unread(Refusal(Cause.URI_TOO_LONG))
        pairs = query.split(b"&")
        if len(pairs) > MAXIMUM_FIELDS:
            return self._unread(Refusal(Cause.MALFORMED_BODY, "The request has too many parameters."))
        fields = _Fields()
        for pair in pairs:
            if pair:
                name, _, value = pair.partition(b"=")
                fields.add(name, value, self._repeatable)
        client_id = fields.values.get(self._client_id)
        is_one = client_id is not None and 0 < len(client_id) <= MAXIMUM_CLIENT_ID
        return AuthorizationReading(self, query, client_id if is_one else None, fields)

    def _unread(self, refusal: Refusal) -> AuthorizationReading:
        return AuthorizationReading(self, b"", None, _Fields(), refusal)

    def request(self, reading: AuthorizationReading, client: Client | None) -> AuthorizationRequest:
        """Return a reading in RFC words, by the client's dialect and options."""
        owner = self.owners.get(client.dialect if client is not None else "", self._first)
        is_served = client is not None and client.dialect == owner.dialect.name
        response_types = owner.response_types(client if is_served else None)
        values, spoilt = reading.fields.values, reading.fields.spoilt
        state = owner.wire_name("state")
        request = AuthorizationRequest(
            endpoint=Endpoint.AUTHORIZATION,
            dialect=owner.dialect.name,
            parameters=owner.parameters(values),
            response_types=response_types,
            state=f"{state}={reading.fields.kept[state]}" if state is not None and values.get(state) else None,
            refusal=reading.refusal or _refusal(owner, spoilt),
            is_certain=reading.refusal is None and spoilt.keys().isdisjoint({self._client_id, owner.wire_name("redirect_uri")}),
            required=owner.required,
            invalid=_invalid(owner, values),
            refresh_grant=owner.dialect.refresh_grant,
            serves_public_clients=owner.dialect.serves_public_clients,
        )
        chosen = response_types[request.response_type]
        request.grant_type, request.registered_grant, request.policy = chosen[:3]
        return request


def _refusal(owner: _Owner, spoilt: Mapping[str, Cause]) -> Refusal | None:
    """Return what is wrong with the fields; a response type that is no text is merely none that is known."""
    for name, cause in spoilt.items():
        if cause is Cause.MALFORMED_BODY and owner.means.get(name) == "response_type":
            return Refusal(Cause.UNSUPPORTED_RESPONSE_TYPE)
        if cause is Cause.REPEATED_PARAMETER:
            return Refusal(cause)
        return Refusal(cause, "A parameter is not UTF-8 or holds a control character.")
    return None


def _invalid(owner: _Owner, values: Mapping[str, str]) -> str | None:
    """Return the first parameter whose value has not the form that the dialect demands."""
    return next(
        (name for name in owner.means if (one := owner.dialect.parameters.get(name)) and not one.accepts(values.get(name) or None)), None
    )
