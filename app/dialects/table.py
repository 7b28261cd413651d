"""What a partner reads of a dialect: its doors and the tables of their parameters, made from the file."""

from collections.abc import Iterator
from itertools import chain

from app.dialects.dialect import Dialect
from app.dialects.file import DoorTable, GrantTable, Words
from app.messages import Endpoint

_HEADINGS = {
    "en": ("Parameter", "Type", "Required", "Description", "yes", "no"),
    "zh": ("参数名称", "参数类型", "是否必须", "描述", "是", "否"),
}


def parameter_tables(dialect: Dialect, language: str) -> str:
    """Return the dialect's doors and parameters as Markdown in ``en`` or ``zh``."""
    return "\n".join(chain.from_iterable(_door(dialect, door, language) for door in dialect.doors)).rstrip() + "\n"


def _words(words: Words, language: str) -> str:
    return words.get("zh" if language == "zh" else "en") or next(iter(words.values()), "")


def _door(dialect: Dialect, door: DoorTable, language: str) -> Iterator[str]:
    yield f"## {_words(door.title, language) or door.path}"
    yield ""
    yield f"`POST {door.path}` ({', '.join(door.media_types)})"
    yield ""
    if door.endpoint is Endpoint.TOKEN:
        for word in door.grants if door.grants is not None else dialect.grants:
            yield from _grant(dialect, door, word, dialect.grants[word], language)


def _grant(dialect: Dialect, door: DoorTable, word: str, grant: GrantTable, language: str) -> Iterator[str]:
    name, kind, required, description, yes, no = _HEADINGS[language]
    yield f"### {_words(grant.title, language) or word}" + (f" (`{word}`)" if door.sends_grant_type else "")
    yield ""
    yield f"| {name} | {kind} | {required} | {description} |"
    yield "| --- | --- | --- | --- |"
    if door.authenticates_by == "bearer":
        yield f"| Authorization | header | {yes} | Bearer $access_token |"
    for parameter, needed in [*((one, yes) for one in grant.required), *((one, no) for one in grant.optional)]:
        table = dialect.tables.parameters[parameter]
        yield f"| {parameter} | {table.type} | {needed} | {_words(table.description, language)} |"
    yield ""
