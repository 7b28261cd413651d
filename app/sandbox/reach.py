"""From where a sandbox is reached: this machine, unless somebody who knows what they do says otherwise.

A browser, an app and its containers may know one machine by different names. The issuer stays one; what only servers call may be told
under another address, and further names are let through to the pages and the control API.
"""

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from app.core.mistakes import ExitCode, Mistake

LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_NAME: Final = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,252}[a-z0-9])?|[0-9a-f:]*:[0-9a-f:.]*")
_EVERYWHERE: Final = frozenset({"0.0.0.0", "::", ""})  # noqa: S104 (what is told of them)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """``host`` is where the sandbox listens, ``hosts`` are further names under which it is asked.

    ``back_channel`` is the address, without a slash at its end, at which other servers reach what no browser opens.
    """

    host: str
    hosts: frozenset[str] = frozenset()
    back_channel: str | None = None

    @property
    def is_loopback(self) -> bool:
        """Whether it is reached from this machine alone."""
        return self.host in LOOPBACK

    @property
    def nearest(self) -> str:
        """The host at which this machine reaches it, as it stands in a URL."""
        if self.is_loopback or self.host in _EVERYWHERE:
            return "localhost"
        return f"[{self.host}]" if ":" in self.host else self.host


def check_loopback(host: str, issuer: str, *, force: bool = False) -> None:
    """Keep the sandbox on this machine, unless it is forced off: everything in it is published.

    Raises:
        Mistake: the host or the issuer is of another machine.
    """
    if force:
        return
    serve = "(to be reached, use tokenry serve; where nobody else can reach it, as in a container, --force)"
    if host not in LOOPBACK:
        raise Mistake(f"the sandbox listens on this machine only: --host is localhost, not {host} {serve}", ExitCode.CONFIGURATION)
    if urlsplit(issuer).hostname not in LOOPBACK:
        raise Mistake(f"the sandbox is for this machine only: its issuer is on localhost, not {issuer} {serve}", ExitCode.CONFIGURATION)


def reach_of(host: str, hosts: list[str] | None, back_channel: str | None) -> Reach:
    """Return from where a sandbox is reached; the host of ``back_channel`` is one of its names.

    Raises:
        Mistake: a name is none, or the address is none.
    """
    names = {_name(one) for one in hosts or ()}
    if back_channel is not None:
        names.add(_host_of(back_channel))
    return Reach(host=host, hosts=frozenset(names), back_channel=back_channel)


def _name(host: str) -> str:
    name = host.lower().removeprefix("[").removesuffix("]")
    if _NAME.fullmatch(name) is None:
        raise Mistake(f"--allow-host takes the name of a host alone, as tokenry or host.docker.internal, not {host!r}", ExitCode.USAGE)
    return name


def _host_of(url: str) -> str:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        parts = urlsplit("")
    name = (parts.hostname or "").lower()
    plain = url.isascii() and url.isprintable() and not parts.query and not parts.fragment and "@" not in parts.netloc
    if parts.scheme not in {"http", "https"} or not plain or url.endswith("/") or _NAME.fullmatch(name) is None:
        problem = f"takes an http(s) address without a slash at its end, as http://tokenry:6749, not {url!r}"
        raise Mistake(f"--back-channel-url {problem}", ExitCode.USAGE)
    return name
