"""What a client may be registered with (RFC 7591 §2): the keys, their forms, and what must fit together."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

from app.admin.client_keys import CLIENT_KEYS, check_keys, declared_keys
from app.admin.fields import MAXIMUM_SHOPS, Fields, Refused, origin_problem
from app.admin.openid_metadata import OPENID_KEYS, check_metadata, declared_metadata
from app.admin.secret_hashes import SecretHash, declared_hashes
from app.admin.token_metadata import TOKEN_KEYS, check_token_metadata, declared_token_metadata
from app.core.client_algorithms import ASSERTION_METHODS
from app.core.redirect_uris import redirect_uri_problem
from app.core.scopes import is_well_formed, scopes_of
from app.core.secrets import new_id
from app.dialects import Dialects, Strictness, switched
from app.dialects.dialect import GRANT_TYPES, Dialect, Options, option_text, written_type
from app.models import Client

STANDARD: Final = "standard"
"""The dialect of a client that names none."""
DEFAULT_PROFILE: Final = "oauth21"
"""The profile of a standard client that names none; it is stored as no option."""
AUTH_METHODS: Final = ("client_secret_basic", "client_secret_post", *ASSERTION_METHODS, "none")
MAXIMUM_SECRET: Final = 1024
_MAXIMUM_URI: Final = 2000
_KEYS: Final = (
    "client_id",
    "client_secret",
    "client_secret_hash",
    "client_name",
    "dialect",
    "strictness",
    "redirect_uris",
    "grant_types",
    "response_types",
    "scope",
    "token_endpoint_auth_method",
    "post_logout_redirect_uris",
    "allowed_origins",
    "shops",
    "disabled",
)
_URLS: Final = ("client_uri", "logo_uri", "tos_uri", "policy_uri")
_TEXTS: Final = ("software_id", "software_version")
_EXTRA: Final = (*_URLS, *_TEXTS, "contacts", *CLIENT_KEYS)
_TRANSLATED: Final = ("client_name", "client_uri", "logo_uri", "tos_uri", "policy_uri")
"""Keys that may be said in several languages, as ``client_name#zh`` (RFC 7591 §2.2)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientDeclaration:
    """What is declared of a client; what is ``None``, or no key of a mapping, is not declared.

    ``columns`` are members of the record, ``options`` the dialect's (``False`` and an empty text take one away); ``strictness`` sets those
    of them that are quirks, where they are not declared by themselves. ``extra`` is the further metadata (an empty value takes one away).
    ``shops`` are to be granted. ``client_secret_hashes`` are all of its secrets.
    """

    client_id: str | None = None
    client_secret: str | None = field(default=None, repr=False)
    client_secret_hashes: tuple[SecretHash, ...] | None = field(default=None, repr=False)
    dialect: str | None = None
    strictness: Strictness | None = None
    columns: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, str | bool] = field(default_factory=dict)
    extra: Mapping[str, object] = field(default_factory=dict)
    shops: tuple[str, ...] = ()
    disabled: bool | None = None


def declare_client(values: Mapping[str, object], dialects: Dialects) -> ClientDeclaration:
    """Read what is declared of a client; checks each value by itself.

    Raises:
        Refused: with the first key that cannot be, and why.
    """
    fields = Fields(values)
    options = {name: None for dialect in dialects.by_name.values() for name in dialect.tables.options}
    translated = [name for name in fields.names() if name.partition("#")[0] in _TRANSLATED and name.partition("#")[2]]
    fields.allow([*_KEYS, *options, *_EXTRA, *OPENID_KEYS, *TOKEN_KEYS, *translated])
    dialect = fields.text("dialect", 64)
    if dialect is not None and dialect not in dialects.by_name:
        raise Refused("dialect", f"there is no dialect {dialect}: there are {', '.join(dialects.by_name)}")
    client_id = fields.identifier("client_id", 200)
    if client_id == "":
        raise Refused("client_id", "is empty: leave it out and one is made")
    client_secret = fields.identifier("client_secret", MAXIMUM_SECRET)
    if client_secret == "":
        raise Refused("client_secret", "is empty: leave it out and one is made")
    extra: dict[str, object] = {name: fields.url(name) for name in (*_URLS, *(one for one in translated if "uri#" in one))}
    extra |= {name: fields.text(name, 200) for name in (*_TEXTS, *(one for one in translated if "name#" in one))}
    extra |= {"contacts": fields.texts("contacts", 320), **declared_keys(fields), **declared_metadata(fields)}
    extra |= declared_token_metadata(fields)
    columns = {
        "client_name": fields.text("client_name", 200),
        "redirect_uris": _each(fields, "redirect_uris", redirect_uri_problem),
        "grant_types": fields.texts("grant_types", 64),
        "response_types": _response_types(fields),
        "scope": _scope(fields),
        "token_endpoint_auth_method": _auth_method(fields),
        "post_logout_redirect_uris": _each(fields, "post_logout_redirect_uris", redirect_uri_problem),
        "allowed_origins": _each(fields, "allowed_origins", origin_problem),
    }
    return ClientDeclaration(
        client_id=client_id,
        client_secret=client_secret,
        client_secret_hashes=declared_hashes(fields),
        dialect=dialect,
        strictness=_strictness(fields),
        columns=_declared(columns),
        options={name: value for name in options if (value := fields.choice(name)) is not None},
        extra=_declared(extra),
        shops=tuple(fields.texts("shops", 200, MAXIMUM_SHOPS) or ()),
        disabled=fields.truth("disabled"),
    )


def _declared(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _each(fields: Fields, key: str, problem_of: Callable[[str], str | None]) -> list[str] | None:
    values = fields.texts(key, _MAXIMUM_URI)
    for value in values or ():
        problem = problem_of(value)
        if problem is not None:
            raise Refused(key, f"{value}: {problem}")
    return values


def _response_types(fields: Fields) -> list[str] | None:
    found = fields.texts("response_types", 64)
    return None if found is None else list(dict.fromkeys(map(written_type, found)))


def _scope(fields: Fields) -> str | None:
    scope = fields.text("scope", 4096)
    if scope and not is_well_formed(scope):
        raise Refused("scope", "takes up to 100 scopes of visible ASCII characters, separated by one space")
    return " ".join(scopes_of(scope)) if scope is not None else None


def _auth_method(fields: Fields) -> str | None:
    method = fields.text("token_endpoint_auth_method", 64)
    if method and method not in AUTH_METHODS:
        raise Refused("token_endpoint_auth_method", f"is one of {', '.join(AUTH_METHODS)}")
    return method


def _strictness(fields: Fields) -> Strictness | None:
    found = fields.text("strictness", 64)
    if found is not None and found not in set(Strictness):
        raise Refused("strictness", f"is one of {', '.join(Strictness)}")
    return Strictness(found) if found is not None else None


def new_client(declared: ClientDeclaration, dialects: Dialects, now: datetime) -> Client:
    """Return the client of a declaration, completed by the defaults of its dialect.

    Raises:
        Refused: members do not fit together.
    """
    dialect = dialects[declared.dialect or STANDARD]
    tables = dialect.tables
    blank = Client(
        client_id=declared.client_id or new_id(),
        dialect=dialect.name,
        token_endpoint_auth_method=tables.default_auth_method,
        grant_types=list(tables.default_grant_types) if tables.default_grant_types is not None else None,
        redirect_uris=[],
        post_logout_redirect_uris=[],
        allowed_origins=[],
        scope="",
        options={},
        extra={},
        version=1,
        created_at=now,
        updated_at=now,
    )
    client = merged(blank, declared, dialects)
    if client.grant_types is None:
        open_words = [word for word in dialect.grants if not closed_by(dialect, word, client)]
        if len(open_words) < len(dialect.grants):
            client.grant_types = open_words
    return client


def merged(client: Client, declared: ClientDeclaration, dialects: Dialects) -> Client:
    """Return a client with what is declared of it, and check that all of its members fit together.

    Raises:
        Refused: they do not.
    """
    if declared.dialect not in {None, client.dialect}:
        raise Refused("dialect", f"cannot change from {client.dialect}: register another client")
    if client.dialect not in dialects.by_name:
        raise Refused("dialect", f"the dialect {client.dialect} of this client is not loaded: see TOKENRY_DIALECTS")
    dialect = dialects[client.dialect]
    columns = dict(declared.columns)
    if columns.get("token_endpoint_auth_method") == "":
        columns["token_endpoint_auth_method"] = dialect.tables.default_auth_method
    if "client_name" in columns:
        columns["client_name"] = columns["client_name"] or None
    result = replace(
        client,
        **columns,
        options=_options({**client.options, **_quirks(client, declared, dialect), **declared.options}, dialect),
        extra={name: value for name, value in {**client.extra, **declared.extra}.items() if _says_something(value)},
    )
    _check(result, dialect)
    return result


def _says_something(value: object) -> bool:
    """Whether a value of the metadata is there; nothing but a number says something by being 0."""
    return bool(value) or (isinstance(value, int) and not isinstance(value, bool))


def _quirks(client: Client, declared: ClientDeclaration, dialect: Dialect) -> Options:
    """Return the options that the declared strictness sets."""
    if declared.strictness is None:
        return {}
    try:
        return switched(dialect, client.options, declared.strictness)
    except ValueError as problem:
        raise Refused("strictness", str(problem)) from None


def _options(options: Mapping[str, str | bool], dialect: Dialect) -> dict[str, str | bool]:
    """Return the options without those that say nothing."""
    said = {name: value for name, value in options.items() if value not in {"", False}}
    if dialect.name == STANDARD and said.get("profile") == DEFAULT_PROFILE:
        del said["profile"]
    return said


def closed_by(dialect: Dialect, word: str, client: Client) -> str | None:
    """Return the option without which a grant is closed to the client, as ``profile = "legacy"``, or ``None``."""
    for name, value in dialect.grants[word].requires_option.items():
        if option_text(client.options.get(name, False)) != option_text(value):
            return f'{name} = "{value}"' if isinstance(value, str) else f"{name} = {option_text(value)}"
    return None


def _check(client: Client, dialect: Dialect) -> None:
    for name, value in client.options.items():
        problem = dialect.option_problem({name: value})
        if problem is not None:
            raise Refused(name, problem)
    if client.is_public and not dialect.serves_public_clients:
        raise Refused("token_endpoint_auth_method", f"the dialect {dialect.name} serves no public clients: choose another than none")
    _check_grant_types(client, dialect)
    check_keys(client, dialect)
    check_metadata(client, dialect)
    check_token_metadata(client, dialect)
    for response_type in client.response_types or ():
        _check_response_type(response_type, client, dialect)


def _check_grant_types(client: Client, dialect: Dialect) -> None:
    key = "grant_types"
    for word in client.grant_types or ():
        if word not in dialect.grants:
            raise Refused(key, f"the dialect {dialect.name} has no grant {word}: it has {', '.join(dialect.grants)}")
        needed = closed_by(dialect, word, client)
        if needed is not None:
            raise Refused(key, f"the grant {word} is open only to clients with {needed}")
        if client.is_public and dialect.grants[word].grant_type == "client_credentials":
            raise Refused(key, f"the grant {word} needs a secret or a key, and a public client has none")
    if not client.redirect_uris and _begins_in_a_browser(client.grant_types or (), dialect):
        raise Refused("redirect_uris", "authorization codes and implicit tokens need one: declare it, or grant_types without them")


def _begins_in_a_browser(words: Iterable[str], dialect: Dialect) -> bool:
    return any(dialect.grants[word].grant_type in GRANT_TYPES.values() for word in words)


def _check_response_type(response_type: str, client: Client, dialect: Dialect) -> None:
    if response_type not in GRANT_TYPES:
        raise Refused("response_types", f"there is no {response_type}: there are {', '.join(GRANT_TYPES)}")
    if response_type != "code" and response_type not in dialect.response_types:
        raise Refused("response_types", f"no door of the dialect {dialect.name} answers with a {response_type}")
    for word in dialect.words_behind(response_type) if response_type != "code" else ():
        if not client.check_grant_type(word):
            needed = closed_by(dialect, word, client)
            opened = f", which is open only to clients with {needed}" if needed is not None else ""
            raise Refused("response_types", f"{response_type} needs {word} among the grant_types{opened}")
