"""Strictness: whether a client is answered as its partner's document says, or as the partner's installations are seen to answer."""

from collections.abc import Iterator, Mapping
from enum import StrEnum

from app.dialects.dialect import Dialect, Options, option_text
from app.dialects.file import DialectTables, OptionTables, QuirkTable


class Strictness(StrEnum):
    """How a client is answered."""

    AS_DOCUMENTED = "as documented"
    AS_SEEN = "as seen"


def quirk_problem(tables: DialectTables) -> str | None:
    """Return what is wrong with the quirks of a file, its key first, or ``None``."""
    owners: dict[str, str] = {}
    settings: dict[str, tuple[str, object]] = {}
    for name, quirk in tables.quirks.items():
        values = tables.options.get(quirk.option)
        if values is None:
            return f"quirks.{name}.option: there is no option {quirk.option}"
        if option_text(quirk.value) not in values:
            return f"quirks.{name}.value: the option {quirk.option} is one of {', '.join(values)}, not {option_text(quirk.value)!r}"
        other = owners.setdefault(quirk.option, name)
        if other != name:
            return f"quirks.{name}.option: {quirk.option} is that of the quirk {other}, and a client has one value of it"
        for key, value in _settings(values[option_text(quirk.value)]):
            other, set_before = settings.setdefault(key, (name, value))
            if set_before != value:
                return f"quirks.{name}: contradicts the quirk {other}: each sets {key}"
    return None


def _settings(option: OptionTables) -> Iterator[tuple[str, object]]:
    """Yield what an option sets, by where that stands in the file."""
    yield from ((f"answers.{name}", answer) for name, answer in option.answers.items())
    yield from ((f"policy.{key}", value) for key, value in option.policy.items())
    yield from ((f"grants.{word}.{key}", value) for word, keys in option.grants.items() for key, value in keys.items())
    for cause, table in option.errors.items():
        yield from ((f"errors.{cause}.{key}", value) for key, value in table.model_dump(exclude_none=True).items())


def quirks_on(dialect: Dialect, options: Options) -> Mapping[str, QuirkTable]:
    """Return the quirks that a client's options turn on."""
    return {
        name: quirk for name, quirk in dialect.quirks.items() if option_text(options.get(quirk.option, False)) == option_text(quirk.value)
    }


def strictness_of(dialect: Dialect, options: Options) -> Strictness:
    """Return how a client with these options is answered: as seen if any quirk is on."""
    return Strictness.AS_SEEN if quirks_on(dialect, options) else Strictness.AS_DOCUMENTED


def switched(dialect: Dialect, options: Options, strictness: Strictness) -> Options:
    """Return the options by which a client is answered so, those of the quirks alone: all of them are turned on, or off by ``False``.

    Raises:
        ValueError: the dialect has no known quirks, so that there is nothing to be seen.
    """
    if strictness is Strictness.AS_DOCUMENTED:
        return {quirk.option: False for quirk in quirks_on(dialect, options).values()}
    if not dialect.quirks:
        raise ValueError(f"the dialect {dialect.name} has no known quirks: its clients are answered as documented")
    return {quirk.option: quirk.value for quirk in dialect.quirks.values()}
