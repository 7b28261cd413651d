"""What the sandbox prints: where it is, and one line for every documented door that works as it is pasted."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple
from urllib.parse import urlencode

from app import __version__
from app.sandbox.demo import PASSWORD, REDIRECT_URI, SECRETS, USERNAME

_VERIFIER: Final = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
_CHALLENGE: Final = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
"""The pair of RFC 7636 appendix B."""

ABSENT: Final = {
    "en": "A sandbox of several processes has no pages, no control API and no clock that moves: leave --workers out.",
    "zh": "多进程沙箱没有页面、控制 API 和可调时钟：请去掉 --workers 后重新启动。",
}
"""What is told of a sandbox of several processes."""
_LOUD: Final = "It listens at {}: whoever reaches it is anybody they like in it, and can change all of it."


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is told of a running sandbox.

    ``address`` is where this machine reaches it. ``codes`` is the command that prints a fresh authorization code, without its
    client. ``secrets`` are those that were made for clients of the operator's file. ``open_at`` is where other machines reach it too,
    if they do, and ``back_channel`` the address that its metadata has for servers. Of several ``workers`` none has pages or a control API.
    """

    issuer: str
    address: str
    database: str
    is_kept: bool
    codes: str
    open_at: str = ""
    back_channel: str = ""
    workers: int = 1
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)


class Line(NamedTuple):
    """One door and one way through it, as a line for the shell."""

    dialect: str
    name: str
    title: str
    command: str


def lines(facts: Facts) -> Iterator[Line]:
    """Yield a line for every documented door. Words in capitals stand for a token of an earlier answer."""
    yield from _hex(facts)
    yield from _youzan(facts)
    yield from _open_platform(facts)
    yield from _fantem(facts)
    yield from _standard(facts)


def addresses(facts: Facts) -> Mapping[str, str]:
    """Return, by dialect, where a browser begins to let a demo client in. Nobody listens at the redirect: the code stays in its bar."""

    def address(path: str, **parameters: str) -> str:
        return f"{facts.address}{path}?{urlencode(parameters)}"

    back = {"redirect_uri": REDIRECT_URI, "state": "demo"}
    pkce = {"code_challenge": _CHALLENGE, "code_challenge_method": "S256"}
    return {
        "youzan": address("/oauth/authorize", response_type="code", client_id="testclient", **back),
        "open_platform": address("/open/authorize/index", response_type="code", client_id="platform-demo", **back),
        "fantem": address("/oauth/authorize", response_type="code", client_id="fantem-demo", **back),
        "standard": address("/authorize", response_type="code", client_id="demo-web", **back, **pkce),
    }


def _code(facts: Facts, client_id: str, *more: str) -> str:
    return f"$({' '.join((facts.codes, '--client', client_id, '--user', USERNAME, *more))})"


def _form(path: str, facts: Facts, **pairs: str) -> str:
    """Return a curl line that posts a form; double quotes let the shell run the command in a code's place."""
    return f"curl -s {facts.address}{path} " + " ".join(f'-d "{name}={value}"' for name, value in pairs.items())


def _json(path: str, facts: Facts, headers: str, **members: str) -> str:
    body = json.dumps(members, separators=(",", ":"))
    return f"curl -s {facts.address}{path} -H 'Content-Type: application/json' {headers}-d '{body}'"


def _hex(facts: Facts) -> Iterator[Line]:
    def line(name: str, title: str, path: str, headers: str, **members: str) -> Line:
        return Line("hex", name, title, _json(path, facts, headers, **members))

    client = {"client_id": "hex-demo", "client_secret": SECRETS["hex-demo"]}
    yield line("token", "token of a store", "/third_party/oauth2/token", "", **client, store_id="S001")
    bearer = "-H 'Authorization: Bearer ACCESS_TOKEN' "
    yield line("refresh", "extend the token", "/third_party/oauth2/token/refresh", bearer, refresh_token="REFRESH_TOKEN")


def _youzan(facts: Facts) -> Iterator[Line]:
    client = {"client_id": "testclient", "client_secret": SECRETS["testclient"]}

    def line(name: str, title: str, **more: str) -> Line:
        return Line("youzan", name, title, _form("/oauth/token", facts, **client, **more))

    yield line("init", "initial token", grant_type="authorize_platform")
    yield line("shop", "token of a shop", grant_type="authorize_platform", kdt_id="88888")
    yield line("silent", "token of a shop, without refresh", grant_type="silent", kdt_id="88888")
    code = _code(facts, "testclient", "--shop", "88888")
    yield line("code", "authorization code", grant_type="authorization_code", code=code, redirect_uri=REDIRECT_URI)
    yield line("refresh", "refresh", grant_type="refresh_token", refresh_token="REFRESH_TOKEN")


def _open_platform(facts: Facts) -> Iterator[Line]:
    client = {"client_id": "platform-demo", "client_secret": SECRETS["platform-demo"]}

    def line(name: str, title: str, path: str, **more: str) -> Line:
        return Line("open_platform", name, title, _form(path, facts, **client, **more))

    code = {"code": _code(facts, "platform-demo"), "redirect_uri": REDIRECT_URI}
    yield line("code", "authorization code", "/oauth2/authorize", grant_type="authorization_code", **code)
    user = {"username": USERNAME, "password": PASSWORD}
    yield line("password", "password", "/oauth2/password", grant_type="password", **user)
    yield line("client", "client credentials", "/oauth2/client-credentials", grant_type="client_credentials")
    yield line("refresh", "refresh", "/oauth2/refresh-token", grant_type="refresh_token", refresh_token="REFRESH_TOKEN")


def _fantem(facts: Facts) -> Iterator[Line]:
    issue = _code(facts, "fantem-demo", "--redirect-uri", REDIRECT_URI)
    parts = {"grant_type": "authorization_code", "client_id": "fantem-demo", "code": issue, "redirect_uri": REDIRECT_URI}
    fields = " ".join(f'-F "{name}={value}"' for name, value in parts.items())
    yield Line("fantem", "code", "authorization code", f"curl -s {facts.address}/oauth/token {fields}")
    refresh = _form("/oauth/token", facts, grant_type="refresh_token", client_id="fantem-demo", refresh_token="REFRESH_TOKEN")
    yield Line("fantem", "refresh", "refresh", refresh)
    basic = f"-u alexa-demo:{SECRETS['alexa-demo']}"
    code = {"code": _code(facts, "alexa-demo", "--redirect-uri", REDIRECT_URI), "redirect_uri": REDIRECT_URI}
    alexa = _form("/oauth/token", facts, grant_type="authorization_code", **code)
    yield Line("fantem", "alexa", "authorization code, with a secret", f"{alexa} {basic}")


def _standard(facts: Facts) -> Iterator[Line]:
    basic = f"-u demo-service:{SECRETS['demo-service']}"

    def line(name: str, title: str, command: str) -> Line:
        return Line("standard", name, title, command)

    yield line("client", "client credentials", f"{_form('/token', facts, grant_type='client_credentials')} {basic}")
    yield line("introspect", "introspection of that token", f"{_form('/introspect', facts, token='ACCESS_TOKEN')} {basic}")
    yield line("revoke", "its revocation", f"{_form('/revoke', facts, token='ACCESS_TOKEN')} {basic}")
    code = {"code": _code(facts, "demo-web", "--code-challenge", _CHALLENGE), "code_verifier": _VERIFIER}
    yield line("code", "code and PKCE", _form("/token", facts, grant_type="authorization_code", client_id="demo-web", **code))
    yield line("userinfo", "who allowed that", f"curl -s {facts.address}/userinfo -H 'Authorization: Bearer ACCESS_TOKEN'")
    refresh = {"client_id": "demo-web", "refresh_token": "REFRESH_TOKEN"}
    yield line("refresh", "refresh", _form("/token", facts, grant_type="refresh_token", **refresh))


def _where(facts: Facts) -> str:
    return "FORCED OFF THIS MACHINE" if facts.open_at else "this machine only"


def for_people(facts: Facts) -> str:
    """Return the banner for a terminal."""
    shown = [
        "",
        f"  tokenry {__version__} · SANDBOX · its identities are published: {_where(facts)}, nothing real in it",
        *([f"  !!!  {_LOUD.format(facts.open_at)}"] if facts.open_at else []),
        "",
        f"  Open       {facts.address}/   settings to paste, flows to click through, what just happened"
        if facts.workers == 1
        else f"  Control    none: {ABSENT['en']}",
        f"  Issuer     {facts.issuer}",
        f"  Metadata   {facts.address}/.well-known/openid-configuration",
        *([f"  Servers    {facts.back_channel}   (token, userinfo, keys, introspection, revocation)"] if facts.back_channel else []),
        f"  Data       {facts.database}" + ("" if facts.is_kept else " (temporary: deleted at the end; keep it with --database)"),
        f"  User       {USERNAME} / {PASSWORD}   their account: {facts.address}/account",
        f"  A code     {facts.codes} --client CLIENT_ID --user {USERNAME}",
        *(f"  Secret     of {client_id}, shown this once: {secret}" for client_id, secret in facts.secrets.items()),
    ]
    dialect, browser = "", addresses(facts)
    for line in lines(facts):
        if line.dialect != dialect:
            dialect = line.dialect
            shown += ["", f"  {dialect}"]
            shown += ["    # in a browser: log in and let the app in", f"    {browser[dialect]}"] if dialect in browser else []
        shown += [f"    # {line.title}", f"    {line.command}"]
    return "\n".join([*shown, "", "  Ctrl-C stops it. Requests appear below.", ""])


def made_for_people(secrets: Mapping[str, str]) -> str:
    """Return the secrets that were made for clients while the sandbox ran, for a terminal."""
    return "".join(f"  Secret     of {client_id}, shown this once: {secret}\n" for client_id, secret in secrets.items())


def made_for_programs(secrets: Mapping[str, str]) -> str:
    """Return the same as lines of ``key=value``."""
    return "".join(f"secret.{client_id}={secret}\n" for client_id, secret in secrets.items())


def for_programs(facts: Facts) -> str:
    """Return the same facts as lines of ``key=value``."""
    pairs = {
        "version": __version__,
        "mode": "sandbox",
        "issuer": facts.issuer,
        "address": facts.address,
        "database": facts.database,
        **({"open_at": facts.open_at} if facts.open_at else {}),
        **({"back_channel": facts.back_channel} if facts.back_channel else {}),
        **({"control": f"none: {ABSENT['en']}"} if facts.workers > 1 else {}),
        "codes": facts.codes,
        **{f"secret.{client_id}": secret for client_id, secret in facts.secrets.items()},
        **{f"browser.{dialect}": address for dialect, address in addresses(facts).items()},
        **{f"curl.{line.dialect}.{line.name}": line.command for line in lines(facts)},
    }
    return "\n".join(f"{name}={value}" for name, value in pairs.items())
