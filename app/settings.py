"""Every setting, its default and its meaning. Only the command line, the wiring and the migrations read it; others are handed values."""

import logging
import os
from collections.abc import Mapping
from contextlib import suppress
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, DotEnvSettingsSource, EnvSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from app.core.mistakes import ExitCode, Mistake

PREFIX = "TOKENRY_"
DEFAULT_PORT = 6749


class _FileSource(EnvSettingsSource):
    """Reads a setting from the file that ``TOKENRY_<NAME>_FILE`` names, so that no secret stands in the environment."""

    def _load_env_vars(self) -> Mapping[str, str | None]:
        found: dict[str, str | None] = {}
        for name, value in os.environ.items():
            setting = name.removesuffix("_FILE")
            if setting != name and setting.startswith(PREFIX) and setting.removeprefix(PREFIX).lower() in self.settings_cls.model_fields:
                if setting in os.environ:
                    raise Mistake(f"set {setting} or {name}, not both", ExitCode.CONFIGURATION)
                try:
                    found[setting.lower()] = Path(value).read_text(encoding="utf-8").strip()
                except (OSError, ValueError) as error:
                    raise Mistake(f"{name}: cannot read {value}: {error}", ExitCode.CONFIGURATION) from None
        return found


class Settings(BaseSettings):
    """The settings; each is the environment variable ``TOKENRY_<NAME>``, or the file that ``TOKENRY_<NAME>_FILE`` names."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_file=".env", extra="ignore", frozen=True)

    database_url: SecretStr = SecretStr("sqlite:///tokenry.db")
    """``sqlite:///path``, ``postgresql://user:password@host/name``, or any URL of SQLAlchemy with an async driver."""

    issuer: str | None = None
    """This server's identifier and public address, without a slash at the end (RFC 8414 §2).

    Default: ``http://localhost:<port>``, or https where there is a ``tls_cert``."""

    host: str = "127.0.0.1"
    """The address to listen on."""

    port: Annotated[int, Field(ge=0, le=65535)] = DEFAULT_PORT
    """The port to listen on; 0 takes a free one."""

    workers: Annotated[int, Field(ge=1, le=64)] = 1
    """Server processes. SQLite is correct with several and best with one."""

    trusted_proxies: str = ""
    """Addresses and networks of the proxies in front, with commas: only these are believed when they say (``X-Forwarded-For``) whose
    request it is. Empty: nobody is, and every request is its sender's."""

    tls_cert: Path | None = None
    """A certificate chain as PEM, to serve https without a proxy; ``tls_key`` is its private key."""

    tls_key: Path | None = None
    """The private key of ``tls_cert`` as PEM, without a passphrase."""

    secret_key: SecretStr | None = None
    """At least 32 characters, the same for every process: signs what browsers carry and seals what must stay readable.

    Unset, it is made once beside an SQLite database, as ``<database>.key``. With a database on a server it is required.
    """

    session_lasts: Annotated[int, Field(ge=60, le=90 * 24 * 3600)] = 12 * 3600
    """Seconds after which people log in again, whatever they did."""

    session_idle: Annotated[int, Field(ge=120, le=90 * 24 * 3600)] = 3600
    """Seconds after which people log in again where nobody was seen, which is noted to the minute."""

    dialects: Path | None = None
    """A folder of further dialect files."""

    brand_name: str = "Tokenry"
    """What the pages call this service."""

    brand_logo: Path | None = None
    """A picture that stands on the pages in place of the name: SVG, PNG, JPEG or WebP, at most 256 kB."""

    brand_color: str = "#0f6b66"
    """The accent of the pages, as ``#rrggbb``. What stands on it or is written in it is made readable, in light and in dark."""

    templates: Path | None = None
    """A folder of page templates that replace ours by file name; each is tried at start."""

    language: Literal["en", "zh"] = "en"
    """The language of the pages where a browser asks for none that they speak."""

    client_assertion_lasts: Annotated[int, Field(ge=60, le=3600)] = 300
    """Seconds ahead at which what a client signs to prove itself (``private_key_jwt``, ``client_secret_jwt``) may end. It is used once
    in any case; a shorter life bounds what a stolen one is good for before it is used."""

    private_addresses: bool = False
    """Whether what clients register for this server to call (``backchannel_logout_uri``, ``jwks_uri``) may be in private networks or
    on this machine, there without https as well. The sandbox allows it."""

    log_level: Literal["critical", "error", "warning", "info", "debug"] = "info"
    """What is logged; no level shows a secret."""

    docs: bool = False
    """Whether ``/openapi.json`` is served. The sandbox serves it."""

    direct_doors: bool = True
    """Whether whole requests go to the machine doors past ASGI and the framework. Both ways answer the same; this one is faster."""

    @field_validator("issuer")
    @classmethod
    def _is_an_issuer(cls, issuer: str | None) -> str | None:
        if issuer is None:
            return None
        if not issuer.isascii() or not issuer.isprintable() or " " in issuer:
            raise ValueError("must be a URL: it holds a space or a character that no URL has")
        parts = urlsplit(issuer)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment or "@" in parts.netloc:
            raise ValueError("must be an http(s) URL without user name, query and fragment")
        if issuer.endswith("/"):
            raise ValueError("must not end with a slash")
        if parts.scheme == "http" and parts.hostname not in {"localhost", "127.0.0.1", "::1"}:
            raise ValueError("must be https off loopback")
        return issuer

    @field_validator("trusted_proxies")
    @classmethod
    def _are_networks(cls, proxies: str) -> str:
        names = [name.strip() for name in proxies.split(",") if name.strip()]
        for name in names:
            try:
                ip_network(name)
            except ValueError as error:
                raise ValueError(f"takes addresses and networks like 10.0.0.0/8, with commas: {error}") from None
        return ",".join(names)

    @model_validator(mode="after")
    def _has_both_or_neither(self) -> Self:
        if (self.tls_cert is None) != (self.tls_key is None):
            raise ValueError("TOKENRY_TLS_CERT and TOKENRY_TLS_KEY belong together")
        return self

    @field_validator("secret_key")
    @classmethod
    def _is_long(cls, key: SecretStr | None) -> SecretStr | None:
        minimum = 32
        if key is not None and len(key.get_secret_value()) < minimum:
            raise ValueError(f"must have at least {minimum} characters; make one with: openssl rand -hex 32")
        return key

    @property
    def effective_issuer(self) -> str:
        """The issuer, also where none is set."""
        scheme = "https" if self.tls_cert is not None else "http"
        return self.issuer or f"{scheme}://localhost:{self.port}"

    @property
    def log_number(self) -> int:
        """The level of what is logged, on the scale of :mod:`logging`."""
        return logging.getLevelNamesMapping()[self.log_level.upper()]

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 (the library's signature)
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Flags win over the environment, the environment over files it names, those over ``.env``."""
        return init_settings, env_settings, _FileSource(settings_cls), dotenv_settings


def read_from_files() -> dict[str, object]:
    """Return what files say of the settings: those that the environment names, and ``.env``.

    A pipe is passed over: it can be read once only.
    """
    found = {name: value for name, value in DotEnvSettingsSource(Settings)().items() if name in Settings.model_fields}
    for name in Settings.model_fields:
        path = os.environ.get(f"{PREFIX}{name.upper()}_FILE")
        if path is not None:
            found.pop(name, None)
            with suppress(OSError, ValueError):
                if Path(path).is_file():
                    found[name] = Path(path).read_text(encoding="utf-8").strip()
    return found


def load_settings(**flags: Any) -> Settings:  # noqa: ANN401 (each is validated)
    """Return the settings; flags that are ``None`` were not given.

    Raises:
        Mistake: with all that is wrong in one text.
    """
    if (misspelt := _misspelt()) is not None:
        raise Mistake(misspelt, ExitCode.CONFIGURATION)
    try:
        return Settings(**{name: value for name, value in flags.items() if value is not None})
    except ValidationError as error:
        problems = [
            (f"{PREFIX}{str(problem['loc'][0]).upper()}: " if problem["loc"] else "") + problem["msg"].removeprefix("Value error, ")
            for problem in error.errors(include_url=False, include_input=False, include_context=False)
        ]
        raise Mistake("; ".join(problems), ExitCode.CONFIGURATION) from None


def _misspelt() -> str | None:
    """Return what is wrong with a variable that looks like a setting and is none; others with our prefix may be somebody else's."""
    known = {f"{name.upper()}{ending}" for name in Settings.model_fields for ending in ("", "_FILE")}
    given = {*os.environ, *map(str.upper, DotEnvSettingsSource(Settings).env_vars)}
    others = sorted(name for name in given if name.startswith(PREFIX) and name.removeprefix(PREFIX) not in known)
    if others:
        from difflib import get_close_matches

        for name in others:
            for meant in get_close_matches(name.removeprefix(PREFIX), known, 1, 0.7):
                return f"{name} is no setting: did you mean {PREFIX}{meant}?"
    return None
