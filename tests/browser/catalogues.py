"""The catalogues of what pages say: extracted from templates and code, kept as .po for translators, compiled to .mo for the server.

``python -m tests.browser.catalogues`` (``make locales``) brings them up to date: new texts are added without a translation, texts that
are gone are dropped, English is its own translation. Nothing is guessed. What is left to translate is printed.
"""

import io
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

ROOT: Final = Path(__file__).parents[2]
APP: Final = ROOT / "app"
LOCALES: Final = APP / "locales"
DOMAIN: Final = "pages"
LANGUAGES: Final = ("en", "zh")
SOURCE_LANGUAGE: Final = "en"
_EPOCH: Final = datetime(2026, 1, 1, tzinfo=UTC)
"""In place of the moments that the format has room for: the same texts make the same files."""
_TEMPLATES: Final = ("templates/**.html", "sandbox/templates/**.html")
_METHODS: Final = [*((pattern, "jinja2") for pattern in _TEMPLATES), ("browser/**.py", "python")]
_OPTIONS: Final = {pattern: {"trimmed": "true", "newstyle_gettext": "true", "silent": "false"} for pattern in _TEMPLATES}


def po_file(language: str) -> Path:
    return LOCALES / language / "LC_MESSAGES" / f"{DOMAIN}.po"


def mo_file(language: str) -> Path:
    return po_file(language).with_suffix(".mo")


def extracted() -> Catalog:
    """Return every text that templates and code mark for translation."""
    catalog = Catalog(charset="utf-8")
    for file, _, message, comments, context in extract_from_dir(APP, _METHODS, _OPTIONS):
        catalog.add(message, None, [(file, 0)], auto_comments=comments, context=context)
    return catalog


def read(language: str) -> Catalog:
    path = po_file(language)
    if not path.exists():
        return Catalog(locale=language, domain=DOMAIN, charset="utf-8")
    with path.open("rb") as file:
        return read_po(file, locale=language, domain=DOMAIN, abort_invalid=True)


def updated(language: str) -> Catalog:
    """Return the catalogue as it should be: the extracted texts with the translations that there are."""
    catalog = read(language)
    catalog.update(extracted(), no_fuzzy_matching=True)
    catalog.obsolete.clear()
    catalog.header_comment = f"# What the pages say ({language}). Made by `make locales`; translate the empty msgstr.\n#"
    catalog.project, catalog.version, catalog.copyright_holder = "Tokenry", "", ""
    catalog.msgid_bugs_address, catalog.last_translator, catalog.language_team = "", "Tokenry", "Tokenry"
    catalog.creation_date = catalog.revision_date = _EPOCH
    catalog.fuzzy = False
    for message in texts(catalog):
        if language == SOURCE_LANGUAGE:
            message.string = message.id
    return catalog


def texts(catalog: Catalog) -> Iterator[Message]:
    """Yield the messages without the header."""
    return (message for message in catalog if message.id)


def untranslated(catalog: Catalog) -> list[str]:
    return [str(message.id) for message in texts(catalog) if not all(_strings(message)) or not _strings(message)]


def _strings(message: Message) -> list[str]:
    return [message.string] if isinstance(message.string, str) else list(message.string or ())


def as_po(catalog: Catalog) -> bytes:
    buffer = io.BytesIO()
    write_po(buffer, catalog, width=140, sort_by_file=True, include_lineno=False)
    return buffer.getvalue()


def as_mo(catalog: Catalog) -> bytes:
    buffer = io.BytesIO()
    write_mo(buffer, catalog)
    return buffer.getvalue()


def main() -> int:
    for language in LANGUAGES:
        catalog = updated(language)
        po_file(language).parent.mkdir(parents=True, exist_ok=True)
        po_file(language).write_bytes(as_po(catalog))
        mo_file(language).write_bytes(as_mo(catalog))
        for text in untranslated(catalog):
            print(f"{language}: not translated: {text}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
