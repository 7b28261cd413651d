"""The settings in effect, and where each of them comes from."""

import os
import re
from typing import Final

from pydantic import SecretStr
from pydantic_settings import DotEnvSettingsSource, EnvSettingsSource

from app.settings import PREFIX, Settings, load_settings

_MASKED: Final = "**********"
_ADDRESS: Final = re.compile(
    r"(?P<scheme>\w+(?:\+\w+)?://)(?:(?P<user>[^:@/?#]*)(?P<password>:[^@/?#]*)?@)?"
    r"(?P<place>(?:\[[^]@/?#]*]|[^:@/?#]*)(?::\d*)?(?:/[^@/?#]*)?)(?P<query>\?[^@#]*)?"
)
"""A database URL; one that is written in another way may hold a password anywhere, and so may a query."""


def effective_settings(database: str | None) -> list[dict[str, object]]:
    """Return every setting with its value, masked where it is secret, and its source.

    Raises:
        Mistake: a setting is wrong.
    """
    settings = load_settings(database_url=database)
    flags = {"database_url"} if database is not None else set()
    environment, env_file = EnvSettingsSource(Settings)(), DotEnvSettingsSource(Settings)()
    found = []
    for name in Settings.model_fields:
        variable = f"{PREFIX}{name.upper()}"
        value = getattr(settings, name)
        if name == "issuer":
            value = settings.effective_issuer
        source = (
            "flag"
            if name in flags
            else f"environment {variable}"
            if name in environment
            else f"file {os.environ[f'{variable}_FILE']}"
            if f"{variable}_FILE" in os.environ
            else str(Settings.model_config.get("env_file"))
            if name in env_file
            else "default"
        )
        found.append({"setting": name, "value": _shown(name, value), "source": source})
    return found


def _shown(name: str, value: object) -> object:
    if name == "database_url" and isinstance(value, SecretStr):
        return shown_url(value.get_secret_value())
    if isinstance(value, SecretStr):
        return _MASKED
    return value if value is None or isinstance(value, bool | int) else str(value)


def shown_url(url: str) -> str:
    """Return a database URL without its password and its query."""
    if url.startswith("sqlite"):
        return url
    parts = _ADDRESS.fullmatch(url)
    if parts is None:
        return _MASKED
    user = f"{parts['user']}{f':{_MASKED}' if parts['password'] else ''}@" if parts["user"] is not None else ""
    return f"{parts['scheme']}{user}{parts['place']}{'?…' if parts['query'] else ''}"
