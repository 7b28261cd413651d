"""Who reaches a sandbox, and under which names: over real sockets."""

import re
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from joserfc import jwt
from joserfc.jwk import ECKey

from app.core.mistakes import ExitCode, Mistake
from app.sandbox import Reach, check_loopback, reach_of
from tests.conftest import Prepared
from tests.fixtures.server import NO_TLS, ROOT, Server

SERVERS = {"token_endpoint", "userinfo_endpoint", "jwks_uri", "introspection_endpoint", "revocation_endpoint"}
DEMO = ("demo-service", "demo-service-secret")


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def server(request: pytest.FixtureRequest, prepared: Prepared, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A sandbox that containers call ``tokenry`` and a proxy calls ``gate``."""
    arguments = ("--allow-host", "Gate", "--back-channel-url", "http://tokenry:6749")
    if request.param == "sqlite":
        with Server(prepared.sqlite(tmp_path_factory.mktemp("reach") / "kept.db"), command="sandbox", arguments=arguments) as server:
            yield server
        return
    with prepared.postgresql() as url, Server(url, command="sandbox", arguments=arguments) as server:
        yield server


def ask(server: Server, host: str, path: str, **more: Any) -> httpx.Response:
    return httpx.request(more.pop("method", "GET"), f"{server.url}{path}", headers={"Host": host, **more.pop("headers", {})}, **more)


@pytest.mark.security("DP-04")
@pytest.mark.parametrize(
    ("host", "status"),
    [("localhost", 200), ("127.0.0.1", 200), ("gate", 200), ("GATE:8080", 200), ("tokenry:6749", 200), ("evil.example", 403), ("", 403)],
)
def test_the_control_api_is_asked_under_the_names_that_were_allowed(server: Server, host: str, status: int) -> None:
    for path in ("/sandbox/api", "/"):
        assert ask(server, host, path).status_code == status
    assert ask(server, host, "/.well-known/openid-configuration").status_code == 200


@pytest.mark.security("DP-04")
def test_a_page_of_an_allowed_host_is_no_other_pages(server: Server) -> None:
    assert ask(server, "gate", "/sandbox/api", headers={"Origin": "http://gate"}).status_code == 200
    assert ask(server, "gate", "/sandbox/api", headers={"Origin": "http://localhost"}).status_code == 403


def test_what_servers_call_is_told_under_their_name_and_the_issuer_stays(server: Server) -> None:
    issuer = f"http://localhost:{server.port}"
    made = httpx.post(f"{server.url}/sandbox/api/namespaces", json={"name": "mine"}, verify=NO_TLS).json()
    for path, own in (("", issuer), ("/n/mine", made["issuer"])):
        for host in ("localhost", "tokenry:6749"):
            metadata = ask(server, host, f"{path}/.well-known/openid-configuration").json()
            assert metadata["issuer"] == own == f"{issuer}{path}"
            there = {name for name, value in metadata.items() if str(value).startswith(f"http://tokenry:6749{path}/")}
            here = {name for name, value in metadata.items() if str(value).startswith(f"{own}/")}
            assert (there, here) == (SERVERS, {"authorization_endpoint", "end_session_endpoint"})
        keys = ask(server, "tokenry:6749", metadata["jwks_uri"].removeprefix("http://tokenry:6749"))
        assert keys.json()["keys"]
        token = ask(server, "tokenry:6749", f"{path}/token", method="POST", data={"grant_type": "client_credentials"}, auth=DEMO)
        assert token.json()["access_token"]


@pytest.mark.rfc("7523", "3")
def test_an_assertion_may_name_the_endpoint_as_servers_know_it(server: Server) -> None:
    key = ECKey.generate_key("P-256")
    client = {
        "client_id": f"keyed-{time.monotonic_ns()}",
        "token_endpoint_auth_method": "private_key_jwt",
        "grant_types": ["client_credentials"],
        "jwks": {"keys": [key.as_dict(private=False)]},
    }
    httpx.post(f"{server.url}/sandbox/api/clients", json=client, verify=NO_TLS).raise_for_status()
    for audience, status in (
        ("http://tokenry:6749/token", 200),
        (f"http://localhost:{server.port}/token", 200),
        (f"http://localhost:{server.port}", 200),
        ("http://tokenry:6749", 401),
        ("http://gate/token", 401),
    ):
        now = int(time.time())
        claims = {"iss": client["client_id"], "sub": client["client_id"], "aud": audience, "jti": audience, "exp": now + 60}
        fields = {
            "grant_type": "client_credentials",
            "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            "client_assertion": jwt.encode({"alg": "ES256"}, claims, key),
        }
        assert ask(server, "tokenry:6749", "/token", method="POST", data=fields).status_code == status, audience


def own_address() -> str | None:
    """Return an address of this machine that is not loopback."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return None
        found: str = probe.getsockname()[0]
    return None if found.startswith("127.") else found


@pytest.mark.security("DP-04")
def test_a_sandbox_that_is_forced_is_reached_and_says_so() -> None:
    with Server(None, command="sandbox", arguments=("--host", "0.0.0.0", "--force")) as server:  # noqa: S104 (asked for)
        deadline = time.monotonic() + 10
        while "open_at=" not in server.output and time.monotonic() < deadline:
            time.sleep(0.05)
        assert "open_at=0.0.0.0\n" in server.output
        assert f"address=http://localhost:{server.port}\n" in server.output
        assert "this sandbox listens at 0.0.0.0 by force" in server.errors
        address = own_address()
        if address is not None:
            assert httpx.get(f"http://{address}:{server.port}/livez", verify=NO_TLS).status_code == 200
            assert httpx.get(f"http://{address}:{server.port}/sandbox/api", verify=NO_TLS).status_code == 403, "its name was not allowed"


def test_a_terminal_is_told_loudly() -> None:
    from app.sandbox.banner import Facts, for_people

    facts = Facts(issuer="http://localhost:1", address="http://localhost:1", database="", is_kept=True, codes="")
    assert "this machine only" in for_people(facts)
    forced = for_people(
        Facts(**{name: getattr(facts, name) for name in ("issuer", "address", "database", "is_kept", "codes")}, open_at="::")
    )
    assert "FORCED OFF THIS MACHINE" in forced
    assert "!!!  It listens at ::" in forced


@pytest.mark.parametrize("name", ["http://tokenry", "tokenry:6749", "a b", "", "*", "tokenry/x"])
def test_what_is_no_host_is_refused(name: str) -> None:
    with pytest.raises(Mistake, match="--allow-host takes the name of a host alone") as caught:
        reach_of("localhost", [name], None)
    assert caught.value.exit_code is ExitCode.USAGE


@pytest.mark.parametrize(
    "url",
    [
        "tokenry:6749",
        "ftp://tokenry",
        "http://tokenry/",
        "http://u@tokenry",
        "http://tokenry?x",
        "http://",
        "http://to kenry",
        "http://x:y",
    ],
)
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(Mistake, match="--back-channel-url takes an http"):
        reach_of("localhost", None, url)


def test_names_are_spelt_in_one_way() -> None:
    assert reach_of("localhost", ["Gate", "[::2]"], "http://Tokenry:1").hosts == {"gate", "::2", "tokenry"}
    nearest = {host: Reach(host=host).nearest for host in ("127.0.0.1", "0.0.0.0", "::", "10.0.0.2", "fd00::2")}  # noqa: S104
    assert nearest == {"127.0.0.1": "localhost", "0.0.0.0": "localhost", "::": "localhost", "10.0.0.2": "10.0.0.2", "fd00::2": "[fd00::2]"}  # noqa: S104
    check_loopback("0.0.0.0", "https://id.example", force=True)  # noqa: S104


def test_several_processes_have_one_name(tmp_path: Path) -> None:
    server = Server(f"sqlite:///{tmp_path}/x.db", command="sandbox", workers=2, arguments=("--allow-host", "x"))
    with pytest.raises(RuntimeError, match="leave --workers out"):
        server.start()
    server.close()


def test_the_compose_file_of_the_readme_is_one_and_its_flags_exist() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"^```yaml\n# compose.yaml\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)
    services = yaml.safe_load(block)["services"]
    command = services["tokenry"]["command"]
    with Server(None, command=command[0], arguments=command[1:]) as server:
        metadata = ask(server, "tokenry:6749", "/.well-known/openid-configuration").json()
        assert metadata["token_endpoint"] == "http://tokenry:6749/token"
        assert ask(server, "tokenry:6749", "/sandbox/api").status_code == 200
    assert services["app"]["environment"]["OIDC_METADATA"].startswith(metadata["jwks_uri"].removesuffix("jwks.json"))
