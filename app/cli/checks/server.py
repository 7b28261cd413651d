"""A server from outside, as its apps meet it: whether it is there, who it says it is, what time it has, and what stands in front."""

import json
import secrets
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Final

from app.cli.checks.certificates import check_certificate
from app.cli.checks.finding import Finding, hint, ok, problem
from app.cli.checks.wire import NoAnswer, Place, Told, Why, ask, certificate_at, place_of

METADATA: Final = "/.well-known/openid-configuration"
_TIME: Final = "x-tokenry-time"
"""The header field by which a sandbox says that its clock was moved."""
_APART: Final = timedelta(seconds=30)
"""How far clocks may differ: what is signed is refused beyond it."""
_SANDBOX: Final = "/sandbox/api"
_OK: Final = 200
_BUSY: Final = 503
_START: Final = "start it there with tokenry sandbox or tokenry serve, or name the address that it said at its start"
_NO_ANSWER: Final[Mapping[Why, str]] = {
    Why.NO_HOST: "the host {host} has no address here: mind its spelling, or name it in DNS or /etc/hosts",
    Why.REFUSED: f"nothing listens at {{shown}}: {_START}",
    Why.SILENT: "something takes connections at {shown} and does not answer: see its log, and what a firewall or proxy in between does",
    Why.NO_TLS: "no https is spoken at {shown}: ask http://…, or give the server TOKENRY_TLS_CERT and TOKENRY_TLS_KEY",
    Why.OTHER: "{shown} cannot be reached ({reason}): mind host, port and network",
}


class Server:
    """A server at an address, and what it has told of itself so far."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.place: Place = place_of(url)
        self.metadata: Mapping[str, Any] | None = None

    def check(self, now: datetime) -> Iterator[Finding]:
        """Yield what is found, beginning with whether it is there at all."""
        if self.place.scheme == "https":
            yield from self._check_certificate(now)
        try:
            told = self._ask(f"{self.url.rstrip('/')}{METADATA}")
        except NoAnswer as problem_:
            yield self._unreachable(problem_)
            return
        yield ok("port", f"a server answers at {self.place.shown}")
        yield from self._check_metadata(told)
        yield from self._check_clock(told, now)
        if self.metadata is not None:
            yield from self._check_issuer(str(self.metadata.get("issuer")))
            yield from self._check_database()
            yield from self._check_keys(str(self.metadata.get("jwks_uri")))
            yield from self._check_proxy(str(self.metadata.get("issuer")))

    def _ask(self, url: str, method: str = "GET", headers: Mapping[str, str] | None = None) -> Told:
        return ask(url, method, headers, trusting=True)

    def _unreachable(self, answer: NoAnswer) -> Finding:
        if answer.why is Why.NO_HTTP:
            try:
                certificate_at(self.place)
            except NoAnswer:
                taken = f"port {self.place.port} of {self.place.host} is taken by a program that speaks no HTTP"
                return problem("port", f"{taken}: stop that one, or start tokenry at another with --port")
            return problem("port", f"https is spoken at {self.place.shown}: ask https://{self.url.partition('://')[2]}")
        words = _NO_ANSWER.get(answer.why, _NO_ANSWER[Why.OTHER])
        return problem("port", words.format(host=self.place.host, shown=self.place.shown, reason=answer))

    def _check_certificate(self, now: datetime) -> Iterator[Finding]:
        try:
            raw = certificate_at(self.place)
        except NoAnswer:
            return
        yield from check_certificate(raw, f"the certificate of {self.place.host}", now)
        try:
            ask(f"{self.place.origin}/livez")
        except NoAnswer as answer:
            if answer.why is Why.UNTRUSTED:
                text = f"nobody whom this machine trusts vouches for the certificate of {self.place.host} ({answer})"
                yield problem("certificate", f"{text}: get one for this name, or add its authority to those that the app's machine trusts")

    def _check_metadata(self, told: Told) -> Iterator[Finding]:
        where = f"{self.url.rstrip('/')}{METADATA}"
        try:
            content = json.loads(told.body) if told.status == _OK else None
        except ValueError:
            content = None
        if isinstance(content, Mapping) and "issuer" in content:
            self.metadata = content
            yield ok("metadata", f"the metadata is at {where}")
        elif told.status == _BUSY:
            yield problem(
                "metadata", f"the server at {self.place.shown} is busy or has no database (503): see {self.place.origin}/readyz and its log"
            )
        elif self._is_ours():
            text = f"the metadata cannot be read at {where} (status {told.status})"
            yield problem("metadata", f"{text}: name the issuer with its path, and let a proxy in front hand on the path as it is")
        else:
            text = f"port {self.place.port} of {self.place.host} is taken by another program (it answers {told.status} and is no Tokenry)"
            yield problem("port", f"{text}: stop that one, or start tokenry at another with --port")

    def _is_ours(self) -> bool:
        for base in dict.fromkeys((self.url.rstrip("/"), self.place.origin)):
            try:
                told = self._ask(f"{base}/livez")
            except NoAnswer:
                continue
            if told.status == _OK and told.body == b'{"status":"ok"}':
                return True
        return False

    def _check_issuer(self, issuer: str) -> Iterator[Finding]:
        if issuer == self.url:
            yield ok("issuer", f"it calls itself {issuer}")
            return
        apps = f"point apps at {issuer}, letter by letter"
        if issuer == self.url.rstrip("/"):
            yield problem("issuer", f"the issuer has no slash at its end, and clients compare every letter: {apps}")
        elif issuer.partition("://")[0] != self.place.scheme:
            text = f"{self.place.scheme} was asked, and the issuer is {issuer}: {apps}, or, where a proxy in front speaks https for it,"
            yield problem("issuer", f"{text} start the server with TOKENRY_ISSUER={self.url.rstrip('/')} if that is its public address")
        else:
            yield problem(
                "issuer", f"{self.url} was asked, and the server calls itself {issuer}: {apps}, or start it with --issuer {self.url}"
            )

    def _check_clock(self, told: Told, now: datetime) -> Iterator[Finding]:
        moved = told.headers.get(_TIME)
        if moved is not None:
            fix = f"curl -X DELETE {self.url.rstrip('/')}{_SANDBOX}/clock"
            yield problem("clock", f"this sandbox's clock was moved, to {moved[:19]}: it tells the machine's time again after {fix}")
        try:
            there = parsedate_to_datetime(told.headers["date"])
            apart = there.replace(tzinfo=there.tzinfo or UTC) - now
        except (KeyError, ValueError, OverflowError):
            return
        if abs(apart) <= _APART + timedelta(seconds=1):  # what a header tells is cut to the second
            yield ok("clock", "its clock and that of this machine agree")
            return
        ahead = f"{abs(apart).total_seconds():.0f} s {'ahead of' if apart > timedelta() else 'behind'}"
        text = f"the server's clock is {ahead} that of this machine, and beyond 30 s tokens are not yet, or no more, valid"
        yield problem("clock", f"{text}: set both by NTP (timedatectl set-ntp true)")

    def _check_database(self) -> Iterator[Finding]:
        try:
            told = self._ask(f"{self.url.rstrip('/')}/readyz")
        except NoAnswer:
            return
        if told.status == _BUSY:
            yield problem("server database", "the server runs and cannot reach its database: start that one, or see TOKENRY_DATABASE_URL")

    def _check_keys(self, uri: str) -> Iterator[Finding]:
        try:
            told = self._ask(uri)
            found = json.loads(told.body).get("keys") if told.status == _OK else None
            reason = "" if found else f"status {told.status}, and no keys"
        except (NoAnswer, ValueError, AttributeError) as answer:
            reason = str(answer)
        if not reason:
            yield ok("keys", f"the keys are at {uri}")
        elif self.place_differs(uri):
            yield hint(
                "keys", f"the keys at {uri} cannot be reached from here ({reason}): all is well if only servers elsewhere are to reach them"
            )
        else:
            yield problem(
                "keys", f"the keys cannot be read at {uri} ({reason}): see the server's log, and what a proxy in front lets through"
            )

    def place_differs(self, url: str) -> bool:
        """Whether an address is on another host or port than the one that was asked."""
        return not url.startswith(("http://", "https://")) or place_of(url)[:3] != self.place[:3]

    def _check_proxy(self, issuer: str) -> Iterator[Finding]:
        """Ask a sandbox how a request of ours came to it: a service keeps that to itself."""
        mark = secrets.token_hex(8)
        base = self.url.rstrip("/")
        try:
            self._ask(f"{base}{METADATA}?{mark}")
            told = self._ask(f"{base}{_SANDBOX}/exchanges?search={mark}&full=true&limit=1")
            if told.status != _OK:
                return
            sent = {name: str(value) for name, value in json.loads(told.body)[0]["request"]["headers"]}
        except (NoAnswer, ValueError, LookupError, TypeError):
            return
        scheme = sent.get("x-forwarded-proto")
        if scheme is not None and scheme.split(",")[0].strip() != issuer.partition("://")[0]:
            text = f"a proxy in front says that browsers speak {scheme} (X-Forwarded-Proto), and the issuer is {issuer}"
            yield problem(
                "proxies", f"{text}: set TOKENRY_ISSUER to the address that browsers see, or let the proxy send the scheme that it serves"
            )

    def check_origins(self, origins: Iterable[tuple[str, str]]) -> Iterator[Finding]:
        """Ask, as browsers do, whether pages of registered origins may call the token endpoint; each comes with its client."""
        uri = str((self.metadata or {}).get("token_endpoint", ""))
        if self.metadata is None or self.place_differs(uri):
            return
        for client_id, origin in origins:
            asked = {"Origin": origin, "Access-Control-Request-Method": "POST"}
            try:
                told = self._ask(uri, "OPTIONS", asked)
            except NoAnswer:
                continue
            if told.headers.get("access-control-allow-origin") not in {origin, "*"}:
                text = f"pages at {origin} may not call {uri}, though the client {client_id} is registered with this origin"
                fix = "name the database of this very server, and let a proxy in front pass OPTIONS and the Access-Control- fields"
                yield problem("allowed_origins", f"{text}: {fix}")
