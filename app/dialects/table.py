"""What a partner reads of a dialect: its doors, the tables of their parameters and the known quirks, made from the file."""

from collections.abc import Iterator, Mapping
from itertools import chain

from app.dialects.dialect import Dialect, option_text
from app.dialects.file import AnyDoorTable, AuthorizationDoorTable, DoorTable, GrantTable, UserInfoDoorTable, Words
from app.messages import Endpoint

_HEADINGS = {
    "en": ("Parameter", "Type", "Required", "Description", "yes", "no"),
    "zh": ("参数名称", "参数类型", "是否必须", "描述", "是", "否"),
}
_QUIRKS = {
    "en": ("Known quirks", "Quirk", "Option of a client", "What the document says, and what is seen instead"),
    "zh": ("已知差异", "差异", "客户端选项", "文档的规定与实际所见"),
}


def parameter_tables(dialect: Dialect, language: str) -> str:
    """Return the dialect's doors, parameters and known quirks as Markdown in ``en`` or ``zh``."""
    parts = [*(_any_door(dialect, door, language) for door in dialect.tables.doors), _quirks(dialect, language)]
    return "\n".join(chain.from_iterable(parts)).rstrip() + "\n"


def _words(words: Words, language: str) -> str:
    return words.get("zh" if language == "zh" else "en") or next(iter(words.values()), "")


def _any_door(dialect: Dialect, door: AnyDoorTable, language: str) -> Iterator[str]:
    if isinstance(door, AuthorizationDoorTable):
        return _authorization_door(dialect, door, language)
    return _userinfo_door(door, language) if isinstance(door, UserInfoDoorTable) else _door(dialect, door, language)


def _userinfo_door(door: UserInfoDoorTable, language: str) -> Iterator[str]:
    yield f"## {_words(door.title, language) or door.path}"
    yield ""
    yield f"`GET {door.path}`, `POST {door.path}`"
    yield ""
    yield from _heading(language)
    yield f"| Authorization | header | {_HEADINGS[language][4]} | Bearer $access_token |"
    yield ""


def _door(dialect: Dialect, door: DoorTable, language: str) -> Iterator[str]:
    yield f"## {_words(door.title, language) or door.path}"
    yield ""
    yield f"`POST {door.path}` ({', '.join(door.media_types)})"
    yield ""
    if door.endpoint is Endpoint.TOKEN:
        for word in door.grants if door.grants is not None else dialect.token_grants:
            yield from _grant(dialect, door, word, dialect.grants[word], language)


def _authorization_door(dialect: Dialect, door: AuthorizationDoorTable, language: str) -> Iterator[str]:
    yield f"## {_words(door.title, language) or door.path}"
    yield ""
    yield f"{', '.join(f'`{method} {door.path}`' for method in door.methods)} (response_type {', '.join(door.response_types)})"
    yield ""
    yield from _heading(language)
    yield from _parameters(dialect, door.required, door.optional, language, door.descriptions)
    yield ""


def _grant(dialect: Dialect, door: DoorTable, word: str, grant: GrantTable, language: str) -> Iterator[str]:
    yield f"### {_words(grant.title, language) or word}" + (f" (`{word}`)" if door.sends_grant_type else "")
    yield ""
    yield from _heading(language)
    if door.authenticates_by == "bearer":
        yield f"| Authorization | header | {_HEADINGS[language][4]} | Bearer $access_token |"
    yield from _parameters(dialect, grant.required, grant.optional, language)
    yield ""


def _heading(language: str) -> Iterator[str]:
    name, kind, required, description, _, _ = _HEADINGS[language]
    yield f"| {name} | {kind} | {required} | {description} |"
    yield "| --- | --- | --- | --- |"


def _parameters(
    dialect: Dialect, required: list[str], optional: list[str], language: str, descriptions: Mapping[str, Words] | None = None
) -> Iterator[str]:
    *_, yes, no = _HEADINGS[language]
    for parameter, needed in [*((one, yes) for one in required), *((one, no) for one in optional)]:
        table = dialect.tables.parameters[parameter]
        yield f"| {parameter} | {table.type} | {needed} | {_words((descriptions or {}).get(parameter, table.description), language)} |"


def _quirks(dialect: Dialect, language: str) -> Iterator[str]:
    if not dialect.quirks:
        return
    heading, *columns = _QUIRKS[language]
    yield f"## {heading}"
    yield ""
    yield f"| {' | '.join(columns)} |"
    yield "| --- | --- | --- |"
    for name, quirk in dialect.quirks.items():
        title, note = _words(quirk.title, language), _words(quirk.note, language)
        yield f"| {title} (`{name}`) | `{quirk.option} = {option_text(quirk.value)}` | {note} |"
