"""Renders views to HTML. The template engine is imported with the first page, so that a start does not wait for it."""

import gettext
from collections.abc import Mapping
from functools import cached_property
from gettext import NullTranslations
from pathlib import Path
from typing import TYPE_CHECKING, Final

from app.browser import languages
from app.browser.assets import Assets
from app.browser.theme import Theme
from app.browser.views import Frame, View
from app.browser.words import Words

if TYPE_CHECKING:
    from jinja2 import BaseLoader, Environment
    from markupsafe import Markup

_APP: Final = Path(__file__).parents[1]
TEMPLATES: Final = _APP / "templates"
LOCALES: Final = _APP / "locales"
DOMAIN: Final = "pages"
"""The name of the catalogues."""
OURS: Final = "default"
"""The prefix under which an operator's template reaches the one that it replaces."""


class Pages:
    """All pages in one theme. ``base`` is the path of the issuer, where it has one: every address of ours starts with it.

    ``room`` is a folder with ``templates`` and ``static`` of its own, for pages that are not part of the service.
    """

    def __init__(self, theme: Theme | None = None, base: str = "", *, room: Path | None = None) -> None:
        self.theme = theme or Theme()
        self.base = base
        self.assets = Assets(self.theme, room / "static" if room is not None else None)
        self._more = room / "templates" if room is not None else None

    def render(self, view: View, frame: Frame) -> str:
        """Return a page as HTML."""
        environment, translations = self._environments[frame.language]
        return environment.get_template(view.template).render(view=view, frame=frame, words=Words(translations, frame.now))

    def prepare(self) -> None:
        """Import and compile all there is, which takes a moment, ahead of the first visitor."""
        for environment, _ in self._environments.values():
            for name in environment.list_templates(extensions=["html"]):
                environment.get_template(name)

    @cached_property
    def _environments(self) -> "Mapping[str, tuple[Environment, NullTranslations]]":
        return {language: self._environment(language) for language in languages.LANGUAGES}

    def _environment(self, language: str) -> "tuple[Environment, NullTranslations]":
        from jinja2 import Environment, StrictUndefined

        environment = Environment(
            loader=_loader(self.theme.templates, self._more),
            autoescape=True,
            undefined=StrictUndefined,
            extensions=["jinja2.ext.i18n"],
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        environment.policies["ext.i18n.trimmed"] = True
        translations = gettext.translation(DOMAIN, LOCALES, [language])
        environment.install_gettext_translations(translations, newstyle=True)  # type: ignore[attr-defined]  # the extension adds it
        environment.globals |= {
            "theme": self.theme,
            "static": lambda name: f"{self.base}/static/{self.assets.address(name)}",
            "path": lambda path: f"{self.base}{path}",
            "languages": languages.LANGUAGES,
            "tags": languages.TAGS,
            "switched": languages.switched,
            "qr": qr_code,
        }
        return environment, translations


def qr_code(text: str) -> "Markup":
    """Return a QR code as an inline SVG, dark on light whatever the page's colours are."""
    import segno
    from markupsafe import Markup

    return Markup(segno.make(text, error="m", micro=False).svg_inline(border=4, dark="#000", light="#fff", omitsize=True))  # noqa: S704


def _loader(templates: Path | None, more: Path | None) -> "BaseLoader":
    """Return what finds templates: an operator's folder before ours, and ours under a prefix too, for templates that extend them."""
    from jinja2 import ChoiceLoader, FileSystemLoader, PrefixLoader

    ours = FileSystemLoader(TEMPLATES)
    others = [FileSystemLoader(folder) for folder in (templates, more) if folder]
    return ChoiceLoader([*others, ours, PrefixLoader({OURS: ours})])
