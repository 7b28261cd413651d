"""What the pages tell of a dialect, in a language."""

from app.dialects.file import Words


def words(texts: Words, language: str) -> str:
    """Return a text of a dialect file in a language, or in the one that there is."""
    return texts.get("zh" if language == "zh" else "en") or next(iter(texts.values()), "")
