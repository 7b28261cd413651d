"""How an operator makes the pages their own: a name, a logo, an accent colour, and templates that replace ours."""

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

from app.core.mistakes import ExitCode, Mistake

DEFAULT_NAME: Final = "Tokenry"
DEFAULT_COLOR: Final = "#0f6b66"
LOGO_SUFFIXES: Final = (".svg", ".png", ".jpg", ".jpeg", ".webp")
LARGEST_LOGO: Final = 256 * 1024
"""In bytes."""
LONGEST_NAME: Final = 80

_LIGHT_CARD: Final = (255, 255, 255)
_DARK_CARD: Final = (27, 30, 35)
_BLACK: Final = (0, 0, 0)
_WHITE: Final = (255, 255, 255)
_TEXT_CONTRAST: Final = 4.5
"""Of text to what it stands on (WCAG 2.2 §1.4.3)."""
_DARK_TEXT_CONTRAST: Final = 7.0
"""The same in the dark, where a link of less looks switched off (WCAG 2.2 §1.4.6)."""
_SHAPE_CONTRAST: Final = 3.0
"""Of a button to what it stands on (WCAG 2.2 §1.4.11)."""

Rgb = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Logo:
    """A picture, as its file holds it; ``suffix`` tells what it is."""

    suffix: str
    content: bytes


@dataclass(frozen=True)
class Theme:
    """What an operator sets; ``templates`` is a folder whose files replace ours by name."""

    name: str = DEFAULT_NAME
    color: str = DEFAULT_COLOR
    logo: Logo | None = None
    templates: Path | None = None

    @property
    def logo_name(self) -> str:
        """The name of the logo among the static files."""
        return f"logo{self.logo.suffix}" if self.logo else ""

    @cached_property
    def shades(self) -> tuple["Shades", "Shades"]:
        """The accent in light and in dark."""
        accent = _rgb(self.color)
        return _shades(accent, _LIGHT_CARD, _BLACK, _TEXT_CONTRAST), _shades(accent, _DARK_CARD, _WHITE, _DARK_TEXT_CONTRAST)

    def stylesheet(self) -> str:
        """Return the rules that set the accent."""
        light, dark = (
            f"--accent:{_hex(shades.fill)};--on-accent:{_hex(shades.on_fill)};--accent-text:{_hex(shades.text)}" for shades in self.shades
        )
        return f"\n:root{{{light}}}\n@media (prefers-color-scheme:dark){{:root{{{dark}}}}}\n"


@dataclass(frozen=True, slots=True)
class Shades:
    """The accent on one ground: as a button's fill, as the text on that fill, and as text of its own."""

    fill: Rgb
    on_fill: Rgb
    text: Rgb


def contrast(one: Rgb, other: Rgb) -> float:
    """Return the contrast of two colours, from 1 to 21 (WCAG 2.2, "contrast ratio")."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def load_theme(name: str, color: str, logo: Path | None = None, templates: Path | None = None) -> Theme:
    """Return the theme of these settings. Operator's templates are checked by rendering every page once.

    Raises:
        Mistake: with the setting, the file and the reason.
    """
    if not name.strip() or len(name) > LONGEST_NAME or not name.isprintable():
        raise _mistake(f"TOKENRY_BRAND_NAME: must be 1 to {LONGEST_NAME} printable characters")
    if not re.fullmatch(r"#(?:[0-9a-fA-F]{3}){1,2}", color):
        raise _mistake("TOKENRY_BRAND_COLOR: must be a colour such as #0f6b66")
    theme = Theme(name.strip(), color, _read_logo(logo) if logo else None, templates)
    if templates is not None:
        from app.browser.overrides import check_templates  # it takes the template engine, which a start without them does not load

        check_templates(theme, templates)
    return theme


def _mistake(text: str) -> Mistake:
    return Mistake(text, ExitCode.CONFIGURATION)


def _read_logo(path: Path) -> Logo:
    suffix = path.suffix.lower()
    if suffix not in LOGO_SUFFIXES:
        raise _mistake(f"TOKENRY_BRAND_LOGO: {path}: must end in one of {', '.join(LOGO_SUFFIXES)}")
    try:
        content = path.read_bytes()
    except OSError as error:
        raise _mistake(f"TOKENRY_BRAND_LOGO: {path}: {error.strerror}") from None
    if not content or len(content) > LARGEST_LOGO:
        raise _mistake(f"TOKENRY_BRAND_LOGO: {path}: has {len(content)} bytes; at most {LARGEST_LOGO} are served, and 1 at least")
    return Logo(suffix, content)


def _shades(accent: Rgb, card: Rgb, away: Rgb, readable: float) -> Shades:
    """Move the accent away from the card until it can be seen on it, and further until it can be read."""
    fill = _moved(accent, card, away, _SHAPE_CONTRAST)
    on_fill = max(_WHITE, _BLACK, key=lambda color: contrast(fill, color))
    return Shades(fill, on_fill, _moved(accent, card, away, readable))


def _moved(color: Rgb, ground: Rgb, away: Rgb, wanted: float) -> Rgb:
    steps = 100
    mixed = (_mixed(color, away, step / steps) for step in range(steps + 1))
    return next(shade for shade in mixed if contrast(shade, ground) >= wanted)


def _mixed(one: Rgb, other: Rgb, share: float) -> Rgb:
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(one, other, strict=True))
    return red, green, blue


def _luminance(color: Rgb) -> float:
    red, green, blue = (_linear(value / 255) for value in color)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(value: float) -> float:
    low = 0.04045
    return value / 12.92 if value <= low else ((value + 0.055) / 1.055) ** 2.4


def _rgb(color: str) -> Rgb:
    digits = color.removeprefix("#")
    if len(digits) == 3:  # noqa: PLR2004 (the short form)
        digits = "".join(digit * 2 for digit in digits)
    return int(digits[0:2], 16), int(digits[2:4], 16), int(digits[4:6], 16)


def _hex(color: Rgb) -> str:
    return "#{:02x}{:02x}{:02x}".format(*color)
