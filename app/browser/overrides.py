"""Checks an operator's templates before anything listens: each must replace one of ours, compile, and render every sample."""

import traceback
from pathlib import Path

from jinja2 import TemplateSyntaxError

from app.browser.languages import LANGUAGES
from app.browser.pages import TEMPLATES, Pages
from app.browser.samples import frame, samples
from app.browser.theme import Theme
from app.core.mistakes import ExitCode, Mistake


def check_templates(theme: Theme, folder: Path) -> None:
    """Check the templates of a folder; whatever a template may do wrong is told as a mistake of its file.

    Raises:
        Mistake: with the file, the line where there is one, and the reason.
    """
    if not folder.is_dir():
        raise _mistake(f"{folder}: no such folder")
    ours = {path.name for path in TEMPLATES.iterdir()}
    found = sorted(path for path in folder.iterdir() if path.suffix == ".html")
    if not found:
        raise _mistake(f"{folder}: has none of {', '.join(sorted(ours))}")
    for path in found:
        if path.name not in ours:
            raise _mistake(f"{path}: replaces none of {', '.join(sorted(ours))}")
    pages = Pages(theme)
    for language in LANGUAGES:
        for view in samples(language).values():
            try:
                pages.render(view, frame(language))
            except Exception as error:  # noqa: BLE001 (a template may raise anything)
                raise _mistake(_reason(error, folder, view.template)) from None


def _reason(error: Exception, folder: Path, template: str) -> str:
    """Return where in the operator's files an error comes from, and what it is."""
    reason = f"{type(error).__name__}: {error}"
    if isinstance(error, TemplateSyntaxError):
        return f"{error.filename or folder / template}: line {error.lineno}: {error.message}"
    frames = [each for each in traceback.extract_tb(error.__traceback__) if Path(each.filename).is_relative_to(folder)]
    if frames:
        return f"{frames[-1].filename}: line {frames[-1].lineno}: {reason}"
    return f"{folder / template}: {reason}"


def _mistake(text: str) -> Mistake:
    return Mistake(f"TOKENRY_TEMPLATES: {text}", ExitCode.CONFIGURATION)
