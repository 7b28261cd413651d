"""From files to dialects: every value is checked at start, and a mistake names the file, the key and the reason."""

import itertools
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Final, TypeVar

from pydantic import TypeAdapter, ValidationError

from app.core.causes import Cause
from app.core.policy import Policy
from app.core.strict_json import strict_json
from app.dialects.authorization_door import AuthorizationDoor
from app.dialects.checks import Problem, check
from app.dialects.dialect import Dialect, ErrorAnswer, GrantPolicy, Variant, standard_error
from app.dialects.door import Door
from app.dialects.file import KINDS, DialectTables, OptionTables
from app.dialects.template import Template
from app.dialects.userinfo_door import UserInfoDoor

D = TypeVar("D", Door, AuthorizationDoor)

BUILT_IN: Final = Path(__file__).parent
_POLICY: Final = TypeAdapter(Policy)
_SUCCESS_VALUES: Final = frozenset({"access_token", "token_type", "expires_in", "refresh_token", "id_token", "scope", "expires_at", "now"})
_MOMENTS: Final = frozenset({"expires_at", "now"})
_ERROR_VALUES: Final = frozenset({"error", "description", "now"})


class DialectError(Exception):
    """A dialect file cannot be used; the text names the file, the key and the reason."""


class Dialects:
    """The dialects that are loaded, by name, and the doors they declare together."""

    def __init__(self, dialects: Iterable[Dialect]) -> None:
        """Hold the dialects.

        Raises:
            DialectError: two of them share a name, or share a door in ways that cannot both hold.
        """
        self.by_name: dict[str, Dialect] = {}
        for dialect in dialects:
            if dialect.name in self.by_name:
                raise DialectError(f"two dialect files are called {dialect.name}")
            self.by_name[dialect.name] = dialect
        shared = self.doors.keys() & self.authorization_doors.keys()
        if shared:
            raise DialectError(f"door {min(shared)}: machines post to it and browsers are sent to it: one of them needs another path")
        shared = self.userinfo_doors.keys() & (self.doors.keys() | self.authorization_doors.keys())
        if shared:
            raise DialectError(f"door {min(shared)}: it tells who a person is and cannot do anything else: one of them needs another path")

    def __getitem__(self, name: str) -> Dialect:
        """Return the dialect of that name."""
        return self.by_name[name]

    @cached_property
    def doors(self) -> Mapping[str, Door]:
        """The doors by path; a path that several dialects declare is one door for all of them."""
        return _opened(Door, [(table.path, dialect) for dialect in self.by_name.values() for table in dialect.doors])

    @property
    def machine_doors(self) -> Sequence[Door | UserInfoDoor]:
        """All doors at which machines knock."""
        return [*self.doors.values(), *self.userinfo_doors.values()]

    @cached_property
    def authorization_doors(self) -> Mapping[str, AuthorizationDoor]:
        """The doors to which clients send browsers, by path, one for all dialects that declare it."""
        plates = [(table.path, dialect) for dialect in self.by_name.values() for table in dialect.authorization_doors]
        return _opened(AuthorizationDoor, plates)

    @cached_property
    def userinfo_doors(self) -> Mapping[str, UserInfoDoor]:
        """The doors at which an access token tells who granted it, by path.

        Raises:
            DialectError: two dialects declare the same one.
        """
        found: dict[str, UserInfoDoor] = {}
        for dialect in self.by_name.values():
            for table in dialect.userinfo_doors:
                if table.path in found:
                    raise DialectError(
                        f"door {table.path}: {found[table.path].dialect.name} and {dialect.name} both tell there who people are"
                    )
                found[table.path] = UserInfoDoor(table, dialect)
        return found


def _opened(make: Callable[[str, list[Dialect]], D], plates: Iterable[tuple[str, Dialect]]) -> Mapping[str, D]:
    """Open the door at each path for all dialects that declare it.

    Raises:
        DialectError: they declare it in ways that cannot both hold.
    """
    owners: dict[str, list[Dialect]] = {}
    for path, dialect in plates:
        owners.setdefault(path, []).append(dialect)
    doors = {}
    for path, dialects in owners.items():
        try:
            doors[path] = make(path, dialects)
        except ValueError as error:
            raise DialectError(f"door {path}: {error}") from None
    return doors


def load_dialects(folder: Path | None = None) -> Dialects:
    """Load the built-in dialects and those of an operator's folder.

    Raises:
        DialectError: a file cannot be used, or the folder is none.
    """
    return Dialects(read_dialect(path) for path in [*_built_in(), *_operators(folder)])


def _built_in() -> list[Path]:
    """The standard dialect first, so that it answers where no other does."""
    return sorted(BUILT_IN.glob("*.toml"), key=lambda path: (path.stem != "standard", path.stem))


def _operators(folder: Path | None) -> list[Path]:
    if folder is None:
        return []
    if not folder.is_dir():
        raise DialectError(f"{folder}: no such folder of dialect files")
    return sorted(path for path in folder.iterdir() if path.suffix in {".toml", ".json"})


def read_dialect(path: Path) -> Dialect:
    """Read one dialect file, TOML or JSON of the same shape.

    Raises:
        DialectError: with the file, the key and the reason.
    """
    try:
        raw = path.read_bytes().decode("utf-8")
        content = strict_json(raw) if path.suffix == ".json" else tomllib.loads(raw)
    except OSError as error:
        raise DialectError(f"{path}: {error.strerror}") from None
    except ValueError as error:
        raise DialectError(f"{path}: {error}") from None
    except RecursionError:
        raise DialectError(f"{path}: is nested too deeply") from None
    try:
        tables = DialectTables.model_validate(content)
        return _build(tables)
    except ValidationError as error:
        raise DialectError(f"{path}: {_first_problem(error)}") from None
    except Problem as problem:
        raise DialectError(f"{path}: {problem}") from None


def _first_problem(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_context=False)[0]
    parts = [str(part) for part in first["loc"] if part not in KINDS]
    return f"{'.'.join(parts) or 'file'}: {first['msg']}"


def _build(tables: DialectTables) -> Dialect:
    check(tables)
    choices = [[None, *((name, value) for value in values)] for name, values in tables.options.items()]
    variants = {}
    for combination in itertools.product(*choices):
        chosen = [choice for choice in combination if choice]
        variants[frozenset(chosen)] = _variant(tables, {name: tables.options[name][value] for name, value in chosen})
    return Dialect(tables, variants)


def _variant(tables: DialectTables, chosen: Mapping[str, OptionTables]) -> Variant:
    answers = dict(tables.answers)
    errors: dict[str, dict[str, object]] = {cause: table.model_dump(exclude_none=True) for cause, table in tables.errors.items()}
    policy = dict(tables.policy)
    by_grant: dict[str, dict[str, object]] = {}
    for name, option in chosen.items():
        answers |= option.answers
        policy |= option.policy
        for cause, table in option.errors.items():
            errors[cause] = errors.get(cause, {}) | table.model_dump(exclude_none=True)
        for word, keys in option.grants.items():
            if word not in tables.grants:
                raise Problem(f"options.{name}.grants: there is no grant {word}")
            by_grant[word] = by_grant.get(word, {}) | keys
    grants = {}
    for word, grant in tables.grants.items():
        if grant.answer not in answers:
            raise Problem(f"grants.{word}.answer: there is no answer {grant.answer}")
        alone = policy | grant.policy | by_grant.get(word, {})
        grants[word] = GrantPolicy(
            alone=_policy(f"grants.{word}.policy", alone),
            with_shop=_policy(f"grants.{word}.policy_with_shop", alone | grant.policy_with_shop),
        )
    error_answers = _error_answers(errors)
    templates = {name: _template(f"answers.{name}", answer.body) for name, answer in answers.items()}
    if "error" not in templates:
        raise Problem("answers.error: is missing")
    _check_places(templates, error_answers)
    return Variant(
        grants=grants,
        answers=templates,
        statuses={name: answer.status for name, answer in answers.items() if answer.status},
        errors=error_answers,
    )


def _policy(key: str, values: Mapping[str, object]) -> Policy:
    try:
        return _POLICY.validate_python(values)
    except ValidationError as error:
        raise Problem(f"{key}.{_first_problem(error)}") from None


def _template(key: str, body: Mapping[str, object]) -> Template:
    try:
        return Template(body)
    except ValueError as error:
        raise Problem(f"{key}.body: {error}") from None


def _error_answers(tables: Mapping[str, Mapping[str, object]]) -> Mapping[Cause, ErrorAnswer]:
    default = tables.get("default", {})
    answers = {}
    for cause in Cause:
        own = {**default, **tables.get(cause, {})}
        extra = {name: value for name, value in own.items() if name not in {"status", "error", "description"}}
        standard = standard_error(cause, extra)
        answers[cause] = ErrorAnswer(
            status=int(str(own.get("status", standard.status))),
            error=str(own.get("error", standard.error)),
            description=str(own["description"]) if "description" in own else None,
            extra=extra,
        )
    return answers


def _check_places(templates: Mapping[str, Template], errors: Mapping[Cause, ErrorAnswer]) -> None:
    """Every place of a template must have something to stand there."""
    for name, template in templates.items():
        for place, form in sorted(template.places, key=str):
            if (place in _MOMENTS) != (form is not None):
                raise Problem(f"answers.{name}.body: ${place} {'needs a form, as $now|epoch' if form is None else 'takes no form'}")
            if name != "error" and place not in _SUCCESS_VALUES:
                raise Problem(f"answers.{name}.body: there is no value ${place}")
            if name == "error" and place not in _ERROR_VALUES:
                lacking = next((cause for cause, answer in errors.items() if place not in answer.extra), None)
                if lacking is not None:
                    raise Problem(f"answers.error.body: ${place} has no value in errors.{lacking} nor in errors.default")
