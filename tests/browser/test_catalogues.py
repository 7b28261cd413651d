"""What pages say is translated, wholly and currently."""

import re

import pytest

from tests.browser import catalogues
from tests.browser.catalogues import LANGUAGES, as_mo, as_po, extracted, mo_file, po_file, read, texts, untranslated, updated

every_language = pytest.mark.parametrize("language", LANGUAGES)


def strings(value: str | list[str] | tuple[str, ...] | None) -> list[str]:
    return [value] if isinstance(value, str) else list(value or ())


@every_language
def test_every_text_is_translated(language: str) -> None:
    assert untranslated(updated(language)) == [], "translate these in the .po, then: make locales"


@every_language
def test_nothing_is_fuzzy_or_left_over(language: str) -> None:
    catalog = read(language)
    assert [message.id for message in texts(catalog) if message.fuzzy] == []
    assert list(catalog.obsolete) == []
    assert {str(message.id) for message in texts(catalog)} == {str(message.id) for message in texts(extracted())}, "run: make locales"


@every_language
def test_the_files_are_what_make_locales_writes(language: str) -> None:
    assert po_file(language).read_bytes() == as_po(updated(language)), "run: make locales"
    assert mo_file(language).read_bytes() == as_mo(read(language)), "the .mo is older than its .po; run: make locales"


@every_language
def test_a_translation_keeps_the_places_of_its_text(language: str) -> None:
    for message in texts(read(language)):
        wanted = {frozenset(re.findall(r"%\((\w+)\)[sd]", text)) for text in strings(message.id)}
        for text in strings(message.string):
            assert frozenset(re.findall(r"%\((\w+)\)[sd]", text)) in wanted, text
            assert text.count("%") == len(re.findall(r"%\(\w+\)[sd]", text)), text


def test_translations_hold_no_markup() -> None:
    for language in LANGUAGES:
        assert [text for message in texts(read(language)) for text in strings(message.string) if re.search(r"[<>&]", text)] == []


def test_every_text_of_a_template_is_marked_for_translation() -> None:
    """What stands between tags without a mark is a number, a sign, a name of the protocol, or a variable."""
    allowed = {"error", "error_description", "parameter", "client", "status", "request id", "time", "·", "wide"}
    found = set()
    for template in (catalogues.APP / "templates").iterdir():
        text = template.read_text(encoding="utf-8")
        text = re.sub(r"{#.*?#}", "", text, flags=re.DOTALL)
        text = re.sub(r"{%-?\s*trans\b.*?endtrans\s*-?%}", "", text, flags=re.DOTALL)
        text = re.sub(r"{%.*?%}|{{.*?}}", "\n", text, flags=re.DOTALL)
        text = re.sub(r"<[^>]*>", "\n", text, flags=re.DOTALL)
        found |= {line.strip() for line in text.splitlines()}
    assert {line for line in found if re.search(r"\w", line)} <= allowed
