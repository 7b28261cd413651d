"""The file that declares users, shops, scopes, clients and resources: TOML, or JSON of the same shape, checked as a whole."""

import tomllib
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Generic, TypeVar

from app.admin.fields import Refused
from app.admin.registration import ClientDeclaration, declare_client
from app.admin.resources import ResourceDeclaration, declare_resource
from app.admin.scopes import ScopeDeclaration, declare_scope
from app.admin.shops import ShopDeclaration, declare_shop
from app.admin.users import UserDeclaration, declare_user
from app.core.mistakes import ExitCode, Mistake
from app.core.passwords import login_key
from app.core.strict_json import strict_json
from app.dialects import Dialects

D = TypeVar("D", UserDeclaration, ShopDeclaration, ScopeDeclaration, ClientDeclaration, ResourceDeclaration)
_TABLES: Final = ("users", "shops", "scopes", "clients", "resources")
_SHOWN_PROBLEMS: Final = 5


@dataclass(frozen=True, slots=True)
class Entry(Generic[D]):
    """One declared object and where it stands: the file, its table, its number there and its name."""

    where: str
    declared: D


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """Everything that one file declares, each value checked by itself."""

    source: str
    users: tuple[Entry[UserDeclaration], ...]
    shops: tuple[Entry[ShopDeclaration], ...]
    scopes: tuple[Entry[ScopeDeclaration], ...]
    clients: tuple[Entry[ClientDeclaration], ...]
    resources: tuple[Entry[ResourceDeclaration], ...] = ()


def wrong(problems: list[str]) -> Mistake:
    """Return all that is wrong with a file as one line."""
    more = len(problems) - _SHOWN_PROBLEMS
    text = "; ".join(problems[:_SHOWN_PROBLEMS]) + (f"; and {more} more" if more > 0 else "")
    return Mistake(text, ExitCode.CONFIGURATION)


def read_document(path: Path, dialects: Dialects) -> Document:
    """Read a file; ``.json`` is JSON, everything else TOML.

    Raises:
        Mistake: with the file, the table, the number and name of the object, the key and the reason.
    """
    try:
        raw = path.read_bytes().decode("utf-8")
        content = strict_json(raw) if path.suffix == ".json" else tomllib.loads(raw)
    except OSError as error:
        raise Mistake(f"{path}: {error.strerror}", ExitCode.CONFIGURATION) from None
    except UnicodeDecodeError:
        raise Mistake(f"{path}: is not UTF-8", ExitCode.CONFIGURATION) from None
    except (ValueError, RecursionError) as error:
        raise Mistake(f"{path}: {error}", ExitCode.CONFIGURATION) from None
    return parse_document(content, str(path), dialects)


def parse_document(content: object, source: str, dialects: Dialects) -> Document:
    """Read what a file holds; ``source`` names it in every message.

    Raises:
        Mistake: as for :func:`read_document`, with all problems in one line.
    """
    if not isinstance(content, Mapping):
        raise Mistake(f"{source}: must be an object with {', '.join(_TABLES)}", ExitCode.CONFIGURATION)
    reader = _Reader(source, content)
    document = Document(
        source=source,
        users=reader.entries("users", "username", declare_user, _user_key),
        shops=reader.entries("shops", "code", lambda row: declare_shop(row, dialects), lambda shop: (shop.dialect, shop.code)),
        scopes=reader.entries("scopes", "name", declare_scope, lambda scope: scope.name),
        clients=reader.entries("clients", "client_id", lambda row: declare_client(row, dialects), _client_key),
        resources=reader.entries("resources", "uri", declare_resource, lambda resource: resource.uri),
    )
    if reader.problems:
        raise wrong(reader.problems)
    return document


def _user_key(declared: UserDeclaration) -> str:
    if declared.username is None:
        raise Refused("username", "is missing")
    return login_key(declared.username)


def _client_key(declared: ClientDeclaration) -> str:
    if declared.client_id is None:
        raise Refused("client_id", "is missing: without it a second apply would register the client again")
    return declared.client_id


class _Reader:
    """Reads the tables of one file and gathers what is wrong with them."""

    def __init__(self, source: str, content: Mapping[str, object]) -> None:
        self.problems = [f"{source}: {name}: is no table here: there are {', '.join(_TABLES)}" for name in content if name not in _TABLES]
        self._source = source
        self._content = content

    def entries(
        self, table: str, name_key: str, declare: Callable[[Mapping[str, object]], D], key_of: Callable[[D], Hashable]
    ) -> tuple[Entry[D], ...]:
        """Return what a table declares; ``key_of`` tells by what an object is known, and refuses one without it."""
        rows = self._content.get(table, [])
        if not isinstance(rows, list) or not all(isinstance(row, Mapping) for row in rows):
            self.problems.append(f"{self._source}: {table}: must be a list of tables: write [[{table}]] above each")
            return ()
        seen: dict[Hashable, Entry[D]] = {}
        for number, row in enumerate(rows, 1):
            where = f"{self._source}: [[{table}]] {number}{_shown(row.get(name_key))}"
            try:
                declared = declare(row)
                key = key_of(declared)
            except Refused as refused:
                self.problems.append(f"{where}: {refused}")
                continue
            if key in seen:
                self.problems.append(f"{where}: {name_key}: is declared twice")
            seen[key] = Entry(where, declared)
        return tuple(seen.values())


def _shown(name: object) -> str:
    return f" ({name[:80]})" if isinstance(name, str) and name.isprintable() else ""
