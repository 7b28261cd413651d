"""``tokenry doctor``: each check meets what it is there to find, on a real server, database or file."""

import asyncio
import http.client
import json
import socket
import sqlite3
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from app.core.clock import SystemClock
from app.storage import Catalog, open_storage
from app.storage._schema import REVISIONS
from tests.cli.conftest import Command
from tests.fixtures.postgresql import PostgresServer
from tests.fixtures.server import ROOT, SECRET_KEY, Server, free_port

CLIENTS = """
[[clients]]
client_id = "spa"
token_endpoint_auth_method = "none"
grant_types = ["authorization_code"]
redirect_uris = ["https://app.example/cb"]
allowed_origins = ["https://app.example"]
[[clients]]
client_id = "native"
token_endpoint_auth_method = "none"
grant_types = ["authorization_code"]
redirect_uris = ["http://127.0.0.1/cb"]
[[clients]]
client_id = "signs"
token_endpoint_auth_method = "client_secret_jwt"
grant_types = ["client_credentials"]
"""
NO_DATABASE = "no database was looked at: name the server's with --database"


class Diagnosis:
    """What the doctor said."""

    def __init__(self, code: int, text: str) -> None:
        self.code = code
        told = json.loads(text)
        self.problems = told["problems"]
        self._findings = told["findings"]

    def texts(self, verdict: str, check: str | None = None) -> list[str]:
        return [one["text"] for one in self._findings if one["verdict"] == verdict and check in {None, one["check"]}]

    def only(self, check: str) -> str:
        """The one problem there is."""
        assert (self.code, self.problems) == (1, 1), self._findings
        (text,) = self.texts("problem")
        assert self.texts("problem", check) == [text], self._findings
        return str(text)


Doctor = Callable[..., Diagnosis]


@pytest.fixture
def doctor(tokenry: Command, monkeypatch: pytest.MonkeyPatch) -> Doctor:
    def ask(*arguments: str, **settings: object) -> Diagnosis:
        for name, value in settings.items():
            monkeypatch.setenv(f"TOKENRY_{name.upper()}", str(value))
        ended = tokenry("doctor", *arguments, "--json")
        assert not ended.err, ended.err
        return Diagnosis(ended.code, ended.out)

    return ask


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Server]:
    with Server(None, command="sandbox") as server:
        yield server


def address(server: Server) -> str:
    return f"http://localhost:{server.port}"


@contextmanager
def answering(answer: Callable[[BaseHTTPRequestHandler], None]) -> Iterator[int]:
    """Another program on a port of this machine, which answers every request in its way."""

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *arguments: object) -> None: ...

        def do_GET(self) -> None:
            answer(self)

        do_OPTIONS = do_POST = do_GET  # noqa: N815 (http.server's names)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()


def through(server: Server, fields: Mapping[str, str], *, added: Mapping[str, str] | None = None, without: str = "") -> Callable[..., None]:
    """A proxy that puts header fields on requests (``added``) and on answers."""

    def hand_on(handler: BaseHTTPRequestHandler) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
        connection.request(
            handler.command, handler.path, headers={**dict(handler.headers), "Host": f"localhost:{server.port}", **(added or {})}
        )
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        handler.send_response_only(answer.status)
        told = {name.lower(): value for name, value in answer.getheaders()} | dict(fields)
        for name, value in told.items():
            if not without or not name.startswith(without):
                handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(body)

    return hand_on


# -- the server -----------------------------------------------------------------------------------------------------------------


def test_a_server_as_it_should_be(doctor: Doctor, tokenry: Command, sandbox: Server) -> None:
    found = doctor(address(sandbox))
    assert (found.code, found.problems, found.texts("problem")) == (0, 0, [])
    assert found.texts("hint") == [NO_DATABASE]
    assert len(found.texts("ok")) == 5
    plain = tokenry("doctor", address(sandbox))
    assert (plain.code, plain.err) == (0, "nothing is wrong\n")
    assert plain.out.splitlines()[0] == f"ok       port: a server answers at localhost port {sandbox.port}"
    assert doctor(address(sandbox), "-o", "json").code == 0


def test_the_server_of_the_settings_is_the_one_that_is_asked(doctor: Doctor, sandbox: Server) -> None:
    assert doctor(port=sandbox.port).code == 0


def test_nothing_listens(doctor: Doctor, tokenry: Command) -> None:
    port = free_port()
    assert doctor(f"http://localhost:{port}").only("port").startswith(f"nothing listens at localhost port {port}: start it there")
    plain = tokenry("doctor", f"http://localhost:{port}")
    assert (plain.code, plain.err) == (1, "1 problem\n")
    assert plain.out.startswith("problem  port: nothing listens")


def test_a_host_that_has_no_address(doctor: Doctor) -> None:
    assert "the host no-such-host.invalid has no address here" in doctor("http://no-such-host.invalid:6749").only("port")


def test_a_port_that_another_program_has(doctor: Doctor) -> None:
    with answering(lambda handler: handler.send_error(404)) as port:
        text = doctor(f"http://127.0.0.1:{port}").only("port")
        assert text.startswith(f"port {port} of 127.0.0.1 is taken by another program (it answers 404 and is no Tokenry): stop that one")


def test_a_port_where_no_http_is_spoken(doctor: Doctor) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def greet() -> None:
            for _ in range(2):
                connection = listener.accept()[0]
                connection.sendall(b"SSH-2.0-OpenSSH\r\n" * 3)
                connection.close()

        threading.Thread(target=greet, daemon=True).start()
        text = doctor(f"http://127.0.0.1:{listener.getsockname()[1]}").only("port")
        assert "is taken by a program that speaks no HTTP" in text


def test_a_server_that_hangs(doctor: Doctor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.cli.checks.wire._TIMEOUT", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        text = doctor(f"http://127.0.0.1:{listener.getsockname()[1]}").only("port")
        assert "takes connections" in text


def test_metadata_that_is_elsewhere(doctor: Doctor, sandbox: Server) -> None:
    text = doctor(f"{address(sandbox)}/identity").only("metadata")
    assert text.startswith(
        f"the metadata cannot be read at {address(sandbox)}/identity/.well-known/openid-configuration (status 404): name the issuer"
    )


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]"])
def test_an_issuer_by_another_name(doctor: Doctor, sandbox: Server, host: str) -> None:
    if host == "[::1]" and not Path("/proc/net/if_inet6").exists():
        host = "127.0.0.1"
    asked = f"http://{host}:{sandbox.port}"
    text = doctor(asked).texts("problem", "issuer")
    apps = f"point apps at {address(sandbox)}, letter by letter, or start it with --issuer {asked}"
    assert text == [f"{asked} was asked, and the server calls itself {address(sandbox)}: {apps}"]


def test_an_issuer_with_a_slash_at_its_end(doctor: Doctor, sandbox: Server) -> None:
    assert doctor(f"{address(sandbox)}/").only("issuer").startswith("the issuer has no slash at its end")


@pytest.mark.parametrize("text", ["localhost:6749", "ftp://localhost", "http://localhost:6749?x=1", "http://a b", "http://u:p@localhost"])
def test_what_is_no_address(tokenry: Command, text: str) -> None:
    ended = tokenry("doctor", text)
    assert ended.code == 2
    assert "no address" in ended.line


def test_a_clock_that_differs(doctor: Doctor, sandbox: Server) -> None:
    for seconds, words in ((-90, "behind"), (90, "ahead of")):
        shown = format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True)
        with answering(through(sandbox, {"date": shown})) as port:
            texts = doctor(f"http://127.0.0.1:{port}").texts("problem", "clock")
        assert len(texts) == 1
        assert words in texts[0]
        assert "NTP" in texts[0]
    with answering(through(sandbox, {"date": format_datetime(datetime.now(UTC) + timedelta(seconds=20), usegmt=True)})) as port:
        assert not doctor(f"http://127.0.0.1:{port}").texts("problem", "clock")


def test_a_clock_that_was_moved(doctor: Doctor, sandbox: Server) -> None:
    connection = http.client.HTTPConnection("localhost", sandbox.port, timeout=10)
    headers = {"Content-Type": "application/json"}
    connection.request("POST", "/sandbox/api/namespaces", json.dumps({"name": "late", "now": "2031-05-06T07:08:09Z"}), headers)
    assert connection.getresponse().read()
    connection.close()
    text = doctor(f"{address(sandbox)}/n/late").only("clock")
    assert text.startswith("this sandbox's clock was moved, to 2031-05-06T07:08:")
    assert text.endswith(f"after curl -X DELETE {address(sandbox)}/n/late/sandbox/api/clock")


def test_keys_that_nobody_lets_through(doctor: Doctor, sandbox: Server) -> None:
    def without_keys(handler: BaseHTTPRequestHandler) -> None:
        if handler.path.startswith("/.well-known/jwks"):
            handler.send_error(403)
            return
        body = json.dumps({"issuer": here, "jwks_uri": f"{here}/.well-known/jwks.json", "token_endpoint": f"{here}/token"}).encode()
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    with answering(without_keys) as port:
        here = f"http://127.0.0.1:{port}"
        assert "the keys cannot be read" in doctor(here).only("keys")


def test_keys_that_are_for_other_servers_are_no_problem(doctor: Doctor) -> None:
    with Server(None, command="sandbox", arguments=("--back-channel-url", "http://tokenry.invalid:6749")) as server:
        found = doctor(address(server))
        assert (found.code, found.texts("hint")[0].startswith("the keys at http://tokenry.invalid:6749/")) == (0, True)


@pytest.mark.parametrize(("said", "is_right"), [("https", False), ("http", True)])
def test_a_proxy_that_says_another_scheme(doctor: Doctor, sandbox: Server, said: str, *, is_right: bool) -> None:
    with answering(through(sandbox, {}, added={"X-Forwarded-Proto": said})) as port:
        texts = doctor(f"http://127.0.0.1:{port}").texts("problem", "proxies")
    assert (texts == []) is is_right
    assert is_right or texts[0].startswith("a proxy in front says that browsers speak https (X-Forwarded-Proto), and the issuer is http://")


# -- certificates ----------------------------------------------------------------------------------------------------------------


def certified(folder: Path, *, begins: float, ends: float) -> tuple[Path, Path]:
    """Return the files of a certificate for localhost and its key; it begins and ends so many days from now."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
    builder = builder.not_valid_before(now + timedelta(days=begins)).not_valid_after(now + timedelta(days=ends))
    certificate, private = folder / "cert.pem", folder / "key.pem"
    certificate.write_bytes(builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()),
    )
    private.chmod(0o600)
    return certificate, private


@pytest.mark.parametrize(("begins", "ends", "said"), [(-1, 3, "expires on"), (-9, -1, "expired on"), (2, 90, "is good from"), (-1, 90, "")])
def test_a_certificate_that_ends(doctor: Doctor, tmp_path: Path, begins: float, ends: float, said: str) -> None:
    certificate, private = certified(tmp_path, begins=begins, ends=ends)
    files = {"TOKENRY_TLS_CERT": str(certificate), "TOKENRY_TLS_KEY": str(private)}
    server = Server(f"sqlite:///{tmp_path}/served.db", environment=files)
    server.launch()
    try:
        deadline = time.monotonic() + 20
        while "serving" not in server.errors and time.monotonic() < deadline:
            time.sleep(0.05)
        shown = doctor(f"https://localhost:{server.port}", tls_cert=certificate, tls_key=private, port=server.port)
        texts = shown.texts("problem", "certificate")
        vouching = [text for text in texts if text.startswith("nobody whom this machine trusts")]
        ending = [text for text in texts if said and said in text]
        assert len(vouching) == 1
        assert len(ending) == (2 if said else 0), "at the server, and in the file"
        assert len(texts) == len(vouching) + len(ending)
        assert not shown.texts("problem", "issuer")
        assert doctor(f"http://localhost:{server.port}").texts("problem", "port") == [
            f"https is spoken at localhost port {server.port}: ask https://localhost:{server.port}"
        ]
    finally:
        server.close()


def test_https_where_none_is_spoken(doctor: Doctor, sandbox: Server) -> None:
    assert doctor(f"https://localhost:{sandbox.port}").only("port").startswith(f"no https is spoken at localhost port {sandbox.port}")


def test_a_certificate_that_is_none(doctor: Doctor, sandbox: Server, tmp_path: Path) -> None:
    (tmp_path / "x.pem").write_text("nothing")
    found = doctor(address(sandbox), tls_cert=tmp_path / "x.pem", tls_key=tmp_path / "x.pem")
    assert any("is no certificate that can be read" in text for text in found.texts("problem", "certificate"))
    found = doctor(address(sandbox), tls_cert=tmp_path / "absent.pem")
    assert any("cannot be read (No such file" in text for text in found.texts("problem", "certificate"))


# -- settings and files ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"issuer": "https://id.example"}, "a proxy must speak https for https://id.example, and TOKENRY_TRUSTED_PROXIES names none"),
        ({"trusted_proxies": "0.0.0.0/0"}, "TOKENRY_TRUSTED_PROXIES believes everybody"),
        ({"trusted_proxies": "::/0", "issuer": "https://id.example"}, "TOKENRY_TRUSTED_PROXIES believes everybody"),
    ],
)
def test_proxies_that_are_not_or_too_much_trusted(doctor: Doctor, sandbox: Server, settings: dict[str, str], said: str) -> None:
    assert doctor(address(sandbox), **settings).only("proxies").startswith(said)


def test_a_certificate_beside_an_issuer_without_https(doctor: Doctor, sandbox: Server, tmp_path: Path) -> None:
    certificate, private = certified(tmp_path, begins=-1, ends=90)
    found = doctor(address(sandbox), tls_cert=certificate, tls_key=private, issuer="http://localhost:1")
    assert found.only("proxies").endswith("set TOKENRY_ISSUER=https://localhost:1")


def test_settings_that_cannot_be(doctor: Doctor, sandbox: Server) -> None:
    found = doctor(address(sandbox), workers=0)
    assert found.only("settings").startswith("TOKENRY_WORKERS")
    assert found.texts("ok", "issuer"), "the server is looked at all the same"


@pytest.mark.parametrize(("mode", "verdict"), [(0o644, "problem"), (0o640, "hint"), (0o600, "ok")])
def test_a_secret_key_that_others_can_read(
    doctor: Doctor, sandbox: Server, tokenry: Command, sqlite: Path, mode: int, verdict: str
) -> None:
    tokenry("migrate")
    key = sqlite.with_name("tokenry.db.key")
    key.write_text("a" * 64 + "\n")
    key.chmod(mode)
    found = doctor(address(sandbox))
    assert len(found.texts(verdict, "secret key")) == 1
    assert found.code == (mode == 0o644)


def test_a_secret_key_file_that_others_can_read(doctor: Doctor, sandbox: Server, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("k" * 40)
    (tmp_path / "secret").chmod(0o604)
    text = doctor(address(sandbox), secret_key_file=tmp_path / "secret").only("secret key")
    assert text.endswith(f"chmod 600 {tmp_path / 'secret'}")


# -- the database ------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def kept(tokenry: Command, database: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """A database with clients that are as they should be, on each engine in turn."""
    monkeypatch.setenv("TOKENRY_SECRET_KEY", SECRET_KEY)
    (tmp_path / "clients.toml").write_text(CLIENTS)
    assert tokenry("apply", "clients.toml").code == 0
    assert tokenry("keys", "rotate").code == 0
    return database


def change(url: str, client_id: str, **members: Any) -> None:
    """Change a client behind the backs of all checks, as another version may have stored it."""

    async def work() -> None:
        storage = await open_storage(url, clock=SystemClock())

        def put(catalog: Catalog) -> None:
            client = catalog.client(client_id)
            assert client is not None
            catalog.put_client(replace(client, **members))

        await storage.transact(put)
        await storage.close()

    asyncio.run(work())


def test_a_service_and_its_database_as_they_should_be(doctor: Doctor, kept: str) -> None:
    with Server(kept) as server:
        found = doctor(address(server))
    assert (found.code, found.texts("problem")) == (0, [])
    assert found.texts("ok", "clients") == ["3 clients are registered with what can work"]
    assert found.texts("ok", "keys")[-1] == "what is sealed in the database can be opened by this secret key"


@pytest.mark.parametrize(
    ("client_id", "members", "check", "said"),
    [
        ("spa", {"redirect_uris": ["http://app.example/cb"]}, "redirect_uris", "http is for loopback only: use https"),
        ("spa", {"redirect_uris": ["https://app.example/#/cb"]}, "redirect_uris", "for it has a fragment"),
        (
            "spa",
            {"redirect_uris": ["http://localhost/cb"]},
            "redirect_uris",
            "lists no port, and an app at another one, as http://localhost:3000/cb",
        ),
        (
            "native",
            {"token_endpoint_auth_method": "client_secret_basic"},
            "redirect_uris",
            "http://127.0.0.1/cb lists no port",
        ),
        ("spa", {"post_logout_redirect_uris": ["https://u@app.example/"]}, "redirect_uris", "nobody can go back to https://u@app.example/"),
        ("spa", {"allowed_origins": ["https://app.example/"]}, "allowed_origins", "no browser sends https://app.example/ as an origin"),
        ("spa", {"allowed_origins": ["http://app.example"]}, "allowed_origins", "have no secure context"),
        ("spa", {"dialect": "klingon"}, "dialects", "speaks klingon, which is not loaded"),
    ],
)
def test_a_client_with_what_cannot_work(
    doctor: Doctor, kept: str, sandbox: Server, client_id: str, members: dict[str, object], check: str, said: str
) -> None:
    change(kept, client_id, **members)
    found = doctor(address(sandbox))
    texts = found.texts("hint" if check == "dialects" else "problem", check)
    assert any(said in text for text in texts), texts
    change(kept, client_id, **members, disabled_at=datetime.now(UTC))
    assert not any(said in text for text in doctor(address(sandbox)).texts("problem")), "a disabled one is nobody's trouble"


def test_an_origin_that_the_server_does_not_know(doctor: Doctor, kept: str, sandbox: Server) -> None:
    """Of another database than the one that was named."""
    text = doctor(address(sandbox)).only("allowed_origins")
    assert text.startswith(f"pages at https://app.example may not call {address(sandbox)}/token, though the client spa is registered")


def test_a_proxy_that_takes_cors_away(doctor: Doctor, kept: str) -> None:
    """The same server with a proxy that hands everything on, and with one that keeps some header fields."""
    taken = [""]
    behind: list[Server] = []

    def hand_on(handler: BaseHTTPRequestHandler) -> None:
        through(behind[0], {}, without=taken[-1])(handler)

    with answering(hand_on) as port, Server(kept, environment={"TOKENRY_ISSUER": f"http://localhost:{port}"}) as server:
        behind.append(server)
        assert doctor(f"http://localhost:{port}").code == 0
        taken.append("access-control-")
        assert doctor(f"http://localhost:{port}").only("allowed_origins").endswith("pass OPTIONS and the Access-Control- fields")


def test_a_database_that_is_not_there(doctor: Doctor, sandbox: Server, tmp_path: Path) -> None:
    for url, said in (
        (f"sqlite:///{tmp_path}/absent.db", f"there is no database at {tmp_path}/absent.db"),
        (f"postgresql://tokenry:hunter2@127.0.0.1:{free_port()}/x", "cannot be reached (ConnectionRefusedError)"),
        (f"postgresql://tokenry:hunter2@127.0.0.1:{free_port()}/x", "is it running"),
    ):
        text = doctor(address(sandbox), "--database", url).only("database")
        assert said in text
        assert "hunter2" not in text
    assert not (tmp_path / "absent.db").exists()


def test_a_database_that_is_empty(doctor: Doctor, sandbox: Server, database: str, tmp_path: Path) -> None:
    if database.startswith("sqlite"):
        sqlite3.connect(tmp_path / "tokenry.db").close()
        (tmp_path / "tokenry.db").touch()
    assert doctor(address(sandbox)).only("database") == "the database is empty: make its tables with tokenry migrate"


def test_a_database_of_another_version(doctor: Doctor, sandbox: Server, database: str) -> None:
    program = f"import asyncio, sys; from app.storage import migrate; asyncio.run(migrate(sys.argv[1], {REVISIONS[0]!r}))"
    subprocess.run([sys.executable, "-c", program, database], check=True, cwd=ROOT, capture_output=True)
    assert doctor(address(sandbox)).only("database").endswith("run: tokenry migrate")


def test_a_database_of_another_program(doctor: Doctor, sandbox: Server, tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / "other.db")
    other.execute("CREATE TABLE x (y)")
    other.close()
    assert "holds tables of another program" in doctor(address(sandbox), "--database", f"sqlite:///{tmp_path}/other.db").only("database")


def test_keys_that_another_secret_key_sealed(doctor: Doctor, kept: str, sandbox: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    change(kept, "spa", allowed_origins=[])
    text = doctor(address(sandbox), secret_key="another-key-of-more-than-thirty-two-characters").only("keys")
    assert "is sealed under another secret key: start with the key that was used before" in text
    monkeypatch.delenv("TOKENRY_SECRET_KEY")
    if kept.startswith("sqlite"):
        text = doctor(address(sandbox)).only("keys")
        assert "tokenry.db.key is gone, and keys of this database are sealed under it" in text
    else:
        assert doctor(address(sandbox)).only("keys").startswith("TOKENRY_SECRET_KEY is not set")


def test_a_secret_that_another_key_sealed(doctor: Doctor, tokenry: Command, database: str, sandbox: Server) -> None:
    method = ("--token-endpoint-auth-method", "client_secret_jwt", "--grant-type", "client_credentials")
    assert tokenry("migrate").code == 0
    assert doctor(address(sandbox), secret_key=SECRET_KEY).code == 0
    assert tokenry("clients", "create", "--client-id", "signs", *method).code == 0
    assert doctor(address(sandbox)).code == 0
    found = doctor(address(sandbox), secret_key="another-key-of-more-than-thirty-two-characters")
    assert found.only("keys").startswith("a secret of a client_secret_jwt client is sealed under another secret key")


def test_a_server_that_has_lost_its_database(doctor: Doctor, postgres_cluster: PostgresServer) -> None:
    name = f"tokenry_{uuid.uuid4().hex}"
    with Server(postgres_cluster.create_database(name)) as server:
        assert doctor(address(server)).code == 0
        postgres_cluster.drop_database(name)
        texts = doctor(address(server)).texts("problem", "server database")
        assert texts == ["the server runs and cannot reach its database: start that one, or see TOKENRY_DATABASE_URL"]
