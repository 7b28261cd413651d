"""A door: one path, the dialects that own it, and the way in and out.

Reading turns a raw request into one candidate request per dialect, in RFC words; once the client is known, one of them is chosen.
Rendering turns the outcome into the answer of the client's dialect, under the client's options.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple
from urllib.parse import parse_qsl

from app.core.causes import Cause
from app.dialects.codecs import JSON, MAXIMUM_BODY, MULTIPART, decode_json, decode_multipart, decode_urlencoded, media_type_of
from app.dialects.credentials import asserted_credentials, bearer_token, client_credentials
from app.dialects.dialect import Dialect, Parameter
from app.dialects.file import DoorTable
from app.dialects.template import to_json
from app.messages import Credentials, Endpoint, Outcome, Refusal, Request
from app.models import Client

_ASSERTION_WORDS: Final = ("client_assertion", "client_assertion_type")
_NEED_WORDS: Final = (
    *("grant_type", "client_id", "client_secret", "code", "refresh_token", "username", "password", "shop"),
    *_ASSERTION_WORDS,
)
"""Parameters that are read before the dialect is known, so all dialects of a door must call them alike."""
_CREDENTIAL_WORDS: Final = (*_NEED_WORDS, "access_token", "token", "code_verifier", "assertion")
HEADERS: Final = (
    (b"content-type", b"application/json"),
    (b"cache-control", b"no-store"),
    (b"pragma", b"no-cache"),
    (b"x-content-type-options", b"nosniff"),
)
INTROSPECTION_JWT: Final = "application/token-introspection+jwt"
_WEIGHT: Final = re.compile(r"[01](?:\.[0-9]{0,3})?")
_REALM: Final = b'Basic realm="tokenry", charset="UTF-8"'


class WireRequest(NamedTuple):
    """A request as it came: what the dialects look at."""

    method: str
    content_type: str
    authorization: str | None
    query: bytes
    body: bytes
    address: str
    accept: str = ""


class Answer(NamedTuple):
    """An HTTP answer, ready to send."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes


def answer_with(body: bytes, media_type: str) -> Answer:
    """Return an answer of another media type than JSON, with the usual headers."""
    headers = [(b"content-type", media_type.encode("ascii")), *HEADERS[1:], (b"content-length", b"%d" % len(body))]
    return Answer(200, headers, body)


def prefers_jwt(accept: str) -> bool:
    """Whether an Accept header asks for a signed answer (RFC 9701 §4), and not rather for a plain one (RFC 9110 §12.5.1)."""
    accept = accept.lower()
    if INTROSPECTION_JWT not in accept:
        return False
    weights: dict[str, float] = {}
    for part in accept.split(","):
        media_type, *parameters = (piece.strip() for piece in part.split(";"))
        weight = next((one.removeprefix("q=") for one in parameters if one.startswith("q=")), "1")
        weights[media_type] = float(weight) if _WEIGHT.fullmatch(weight) else 0.0
    signed = weights.get(INTROSPECTION_JWT, 0.0)
    return signed > 0 and signed >= weights.get(JSON, 0.0)


@dataclass(frozen=True, slots=True)
class _Owner:
    """A dialect at this door, with what is looked up per request prepared."""

    dialect: Dialect
    table: DoorTable
    words: Mapping[str, str]
    """What each parameter means, by its name on the wire."""
    required: Mapping[str, Mapping[str, str]]
    """Per grant: required parameters by meaning, without those of the client's authentication."""
    bounded: Mapping[str, tuple[Parameter, ...]]
    """Per grant: parameters whose value must have a form."""
    grants: tuple[str, ...]

    def speaks(self, word: str) -> bool:
        """Whether the door serves a grant in this dialect; every one that needs no grant."""
        return not self.grants or word in self.grants

    @classmethod
    def of(cls, dialect: Dialect, path: str) -> "_Owner":
        table = next(door for door in dialect.doors if door.path == path)
        means = {name: parameter.means for name, parameter in dialect.machine_parameters.items()}
        authentication = {"grant_type", "client_id", "client_secret", *_ASSERTION_WORDS}
        return cls(
            dialect=dialect,
            table=table,
            words=means,
            required={
                word: {means[name]: name for name in grant.required if means[name] not in authentication}
                for word, grant in dialect.grants.items()
            },
            bounded={
                word: tuple(
                    parameter
                    for name in (*grant.required, *grant.optional)
                    if (parameter := dialect.parameters[name]).pattern is not None or parameter.maximum is not None
                )
                for word, grant in dialect.grants.items()
            },
            grants=tuple(table.grants if table.grants is not None else dialect.token_grants) if table.endpoint is Endpoint.TOKEN else (),
        )


@dataclass(slots=True)
class Reading:
    """A request as the dialects of a door read it, before it is known which of them the client speaks."""

    candidates: Sequence[Request]
    word: str
    tried_basic: bool = False

    def choose(self, client: Client | None) -> Request:
        """Return the request in the client's dialect.

        Without a client, or with one of another door, that is the dialect which takes anonymous requests, else the first. Where the
        client's dialect lacks the grant, its request says so.
        """
        if client is not None:
            for candidate in self.candidates:
                if candidate.dialect == client.dialect:
                    return candidate
        return next((candidate for candidate in self.candidates if candidate.accepts_anonymous), self.candidates[0])


@dataclass(slots=True)
class _Parsed:
    pairs: dict[str, str]
    word: str
    credentials: Credentials
    bearer: str | None = None


class Door:
    """One path and its owners; the first of them answers where the client is not known."""

    methods: Final = ("POST",)

    def __init__(self, path: str, dialects: Iterable[Dialect]) -> None:
        """Open the door.

        Raises:
            ValueError: the dialects disagree on what the door is for, or on a name that is read before the dialect is known.
        """
        self.path = path
        self.owners = {dialect.name: _Owner.of(dialect, path) for dialect in dialects}
        self._first = next(iter(self.owners.values()))
        tables = [owner.table for owner in self.owners.values()]
        first = tables[0]
        if any((table.endpoint, table.sends_grant_type, table.authenticates_by) != self._kind(first) for table in tables):
            raise ValueError("its dialects disagree on endpoint, sends_grant_type or authenticates_by")
        for word in _NEED_WORDS:
            names = {owner.dialect.wire_name(word) for owner in self.owners.values() if word in owner.words.values()}
            if len(names) > 1:
                raise ValueError(f"its dialects call {word} by different names: {', '.join(sorted(names))}")
        self.endpoint = first.endpoint
        self.media_types = frozenset(media_type for table in tables for media_type in table.media_types)
        self.maximum_body = max(MAXIMUM_BODY[media_type] for media_type in self.media_types)
        self.words = frozenset(word for owner in self.owners.values() for word in owner.grants)
        self._readers = {word: sorted(self.owners.values(), key=lambda owner: not owner.speaks(word)) for word in self.words or {""}}
        self.is_cross_origin = any(table.cross_origin for table in tables)
        self._repeatable = frozenset(name for table in tables for name in table.repeatable)
        self._parameters_first = any(table.parameters_first for table in tables)
        self._names = {word: next(iter(self._wire_names(word)), word) for word in _NEED_WORDS}
        self._assertion_names = self._names_of_assertion()
        self._assertion_paths = tuple(dict.fromkeys((path, *(one for owner in self.owners.values() for one in owner.dialect.token_paths))))
        self._own_names = frozenset(name for owner in self.owners.values() for name in owner.words)
        self._not_in_query = self._own_names | {name for word in _CREDENTIAL_WORDS for name in self._wire_names(word)}

    @staticmethod
    def _kind(table: DoorTable) -> tuple[Endpoint, bool, str]:
        return table.endpoint, table.sends_grant_type, table.authenticates_by

    def _names_of_assertion(self) -> frozenset[str]:
        """Return the parameters by which a client of this door may authenticate with a JWT; there are none where it cannot."""
        is_understood = all(word in owner.words.values() for owner in self.owners.values() for word in _ASSERTION_WORDS)
        if not is_understood or self._first.table.authenticates_by == "bearer":
            return frozenset()
        return frozenset(self._names[word] for word in _ASSERTION_WORDS)

    def _wire_names(self, word: str) -> list[str]:
        found = [name for owner in self.owners.values() for name, means in owner.words.items() if means == word]
        return found or [word]

    # -- the way in --------------------------------------------------------------------------------------------------------------

    def read(self, wire: WireRequest) -> Reading:
        """Read a request.

        Raises:
            Refusal: for every reason that does not need to know the client.
        """
        if wire.method not in self.methods:
            raise Refusal(Cause.METHOD_NOT_ALLOWED, allow="POST")
        if wire.query:
            self._check_query(wire.query)
        parsed = self._parse(wire)
        wants_jwt = wire.accept != "" and prefers_jwt(wire.accept)
        candidates = [self._request(owner, parsed, wire.address, wants_jwt=wants_jwt) for owner in self._readers[parsed.word]]
        return Reading(candidates, parsed.word, parsed.credentials.method == "client_secret_basic")

    def _check_query(self, query: bytes) -> None:
        try:
            names = [name for name, _ in parse_qsl(query.decode("latin-1"), keep_blank_values=True, max_num_fields=100)]
        except ValueError:
            raise Refusal(Cause.PARAMETER_IN_QUERY) from None
        if not self._not_in_query.isdisjoint(names):
            raise Refusal(Cause.PARAMETER_IN_QUERY)

    def _parse(self, wire: WireRequest) -> _Parsed:
        pairs = self._decode(wire)
        names = self._names
        table = self._first.table
        if self._parameters_first:
            self._check_presence(pairs, table)
        word = self._grant_word(pairs, table)
        if table.authenticates_by == "bearer":
            return _Parsed(pairs, word, Credentials(), bearer_token(wire.authorization))
        authorization = wire.authorization if table.authenticates_by == "client" else None
        if self._assertion_names and not self._assertion_names.isdisjoint(pairs):
            return _Parsed(pairs, word, asserted_credentials(authorization, pairs, names, self._assertion_paths))
        return _Parsed(pairs, word, client_credentials(authorization, pairs, names["client_id"], names["client_secret"]))

    def _decode(self, wire: WireRequest) -> dict[str, str]:
        media_type = media_type_of(wire.content_type)
        if media_type not in self.media_types:
            if wire.body or wire.content_type:
                raise Refusal(Cause.UNSUPPORTED_MEDIA_TYPE)
            return {}
        if len(wire.body) > MAXIMUM_BODY[media_type]:
            raise Refusal(Cause.BODY_TOO_LARGE)
        if media_type == JSON:
            return self._texts(decode_json(wire.body, wire.content_type))
        decode = decode_multipart if media_type == MULTIPART else decode_urlencoded
        pairs = decode(wire.body, wire.content_type, self._repeatable)
        if "" in pairs.values():
            return {name: value for name, value in pairs.items() if value}
        return pairs

    def _texts(self, members: Mapping[str, object]) -> dict[str, str]:
        """Keep the texts of a JSON object; a known member of another type is refused, ``null`` and unknown ones are absent."""
        known = self._own_names
        for name, value in members.items():
            if name in known and value is not None and not isinstance(value, str):
                raise Refusal(Cause.MALFORMED_BODY, f"The member {name} is not a string.")
        return {name: value for name, value in members.items() if isinstance(value, str) and value}

    def _check_presence(self, pairs: Mapping[str, str], table: DoorTable) -> None:
        grant = self._first.dialect.grants[(table.grants or [""])[0]]
        for name in grant.required:
            if name not in pairs:
                raise Refusal(Cause.MISSING_PARAMETER, f"The parameter {name} is missing.")

    def _grant_word(self, pairs: Mapping[str, str], table: DoorTable) -> str:
        if not self.words:
            return ""
        if not table.sends_grant_type:
            return next(iter(self.words))
        word = pairs.get(self._names["grant_type"])
        if word is None:
            raise Refusal(Cause.MISSING_PARAMETER, f"The parameter {self._names['grant_type']} is missing.")
        if word not in self.words:
            raise Refusal(Cause.UNSUPPORTED_GRANT_TYPE)
        return word

    def _request(self, owner: _Owner, parsed: _Parsed, address: str, *, wants_jwt: bool) -> Request:
        dialect, pairs = owner.dialect, parsed.pairs
        words = owner.words
        parameters = {words[name]: value for name, value in pairs.items() if name in words}
        request = Request(
            endpoint=self.endpoint,
            dialect=dialect.name,
            parameters=parameters,
            credentials=parsed.credentials,
            bearer=parsed.bearer,
            refresh_grant=dialect.refresh_grant,
            accepts_anonymous=dialect.accepts_anonymous,
            serves_public_clients=dialect.serves_public_clients,
            authenticates_by_bearer=owner.table.authenticates_by == "bearer",
            registered_grant=parsed.word,
            address=address,
            wants_jwt=wants_jwt,
        )
        if owner.grants:
            if parsed.word in owner.grants:
                request.grant_type = dialect.grants[parsed.word].grant_type
                request.required = owner.required[parsed.word]
                if bounded := owner.bounded[parsed.word]:
                    request.invalid = next((one.name for one in bounded if not one.accepts(pairs.get(one.name))), None)
            else:
                request.is_spoken = False
        return request

    def set_policy(self, request: Request, client: Client | None) -> None:
        """Give a chosen request the policy of its grant under the client's options."""
        if not request.grant_type:
            return
        dialect = self.owners[request.dialect].dialect
        options = client.options if client is not None and client.dialect == request.dialect else {}
        policy = dialect.variant(options).grants[request.registered_grant]
        request.policy = policy.with_shop if "shop" in request.parameters else policy.alone

    # -- the way out -------------------------------------------------------------------------------------------------------------

    def render(self, outcome: Outcome, word: str, now: datetime, *, tried_basic: bool = False) -> Answer:
        """Return the answer to an outcome, in the client's dialect where it has a door here, under its options."""
        owner = self._first
        variant = owner.dialect.plain
        client = outcome.client
        if client is not None and client.dialect in self.owners:
            owner = self.owners[client.dialect]
            variant = owner.dialect.variant(client.options)
        refusal = outcome.refusal
        if refusal is not None:
            status, body = variant.render_refusal(refusal, now)
            return Answer(status, self._refusal_headers(refusal, status, body, tried_basic=tried_basic), body)
        if outcome.media_type is not None:
            return answer_with(outcome.render_token() or b"", outcome.media_type)
        if self.endpoint is not Endpoint.TOKEN:
            status, body = 200, to_json(outcome.members)
        else:
            status, body = variant.render_success(owner.dialect.grants[word].answer, outcome.members, now)
        return Answer(status, [*HEADERS, (b"content-length", b"%d" % len(body))], body)

    @staticmethod
    def _refusal_headers(refusal: Refusal, status: int, body: bytes, *, tried_basic: bool) -> list[tuple[bytes, bytes]]:
        headers = [*HEADERS, (b"content-length", b"%d" % len(body))]
        if refusal.retry_in is not None:
            headers.append((b"retry-after", b"%d" % refusal.retry_in))
        if refusal.allow is not None:
            headers.append((b"allow", refusal.allow.encode("ascii")))
        if status == 401 and tried_basic:  # noqa: PLR2004 (the HTTP status)
            headers.append((b"www-authenticate", _REALM))
        return headers
