"""What the partners were given works as it stands: their curl lines, with nothing changed but host and placeholders."""

import json
import re
from typing import Any

import pytest

from tests.journeys.conftest import Sandbox
from tests.journeys.lines import YOUZAN_INITIAL, YOUZAN_SHOP, curl, fantem_line
from tests.journeys.planting import CALLBACK, code

LOWER_HEX_32 = re.compile(r"[0-9a-f]{32}")
LOWER_HEX_40 = re.compile(r"[0-9a-f]{40}")
UPPER_HEX_32 = re.compile(r"[0-9A-F]{32}")
OPAQUE = re.compile(r"[A-Za-z0-9_-]{22,}")


def posted(url: str, *, fields: dict[str, str]) -> tuple[int, Any]:
    """Post a form as the parameter tables say it."""
    return curl(f"curl -X POST {url}", *(part for name, value in fields.items() for part in ("-d", f"{name}={value}")))


def posted_json(url: str, members: dict[str, str], *headers: str) -> tuple[int, Any]:
    given = [part for header in ("Content-Type: application/json", *headers) for part in ("-H", header)]
    return curl(f"curl -X POST {url}", *given, "-d", json.dumps(members))


def test_youzans_line_for_the_initial_token_works(sandbox: Sandbox) -> None:
    status, answer = curl(YOUZAN_INITIAL.replace("https://open.youzan.com", sandbox.url))
    assert (status, list(answer)) == (200, ["access_token", "expires_in", "token_type", "scope"])
    assert LOWER_HEX_32.fullmatch(answer["access_token"])
    assert (answer["expires_in"], answer["token_type"]) == (604800, "Bearer")


def test_youzans_line_for_a_shops_token_works(sandbox: Sandbox) -> None:
    status, answer = curl(YOUZAN_SHOP.replace("https://open.youzan.com", sandbox.url))
    assert (status, list(answer)) == (200, ["access_token", "expires_in", "token_type", "scope", "refresh_token"])
    assert LOWER_HEX_32.fullmatch(answer["access_token"])
    assert LOWER_HEX_40.fullmatch(answer["refresh_token"])


def planted_line(sandbox: Sandbox, client_id: str) -> str:
    return fantem_line(sandbox.url, client_id, code(sandbox.database_url, client_id))


def test_fantems_line_works_though_curl_adds_a_boundary_of_its_own(sandbox: Sandbox) -> None:
    line = planted_line(sandbox, "fantem-demo")
    assert "boundary=----WebKitFormBoundary7MA4YWxkTrZu0gW" in line
    status, answer = curl(line)
    assert (status, list(answer)) == (200, ["access_token", "refresh_token", "expires_in", "token_type"])
    assert UPPER_HEX_32.fullmatch(answer["access_token"])
    assert UPPER_HEX_32.fullmatch(answer["refresh_token"])
    assert (answer["expires_in"], answer["token_type"]) == (36000, "bearer")


def test_fantems_line_works_for_a_client_with_a_secret(sandbox: Sandbox) -> None:
    status, answer = curl(planted_line(sandbox, "alexa-demo"), "--user", "alexa-demo:alexa-demo-secret")
    assert (status, list(answer)) == (200, ["access_token", "refresh_token", "expires_in", "token_type"])


def test_fantems_refresh_works_as_its_table_says(sandbox: Sandbox) -> None:
    _, tokens = curl(planted_line(sandbox, "fantem-demo"))
    fields = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    for more in ({"client_id": "fantem-demo"}, {}):  # the client's id is optional
        status, answer = posted(f"{sandbox.url}/oauth/token", fields={**fields, **more})
        assert (status, list(answer)) == (200, ["access_token", "expires_in", "token_type"])
        assert answer["access_token"] != tokens["access_token"]


@pytest.mark.parametrize(
    "fields",
    [
        {"grant_type": "password"},
        {"grant_type": "refresh_token", "refresh_token": "567030884C7EA513FB843843859A58C3"},
        {"grant_type": "authorization_code", "code": "bcb09cffbe2c4d31"},
    ],
    ids=["wrong_grant_type", "unknown_refresh_token", "unknown_code"],
)
def test_fantems_documented_failures_are_400(sandbox: Sandbox, fields: dict[str, str]) -> None:
    status, answer = posted(f"{sandbox.url}/oauth/token", fields=fields)
    assert (status, "access_token" in json.dumps(answer)) == (400, False)


HEX_CLIENT = {"client_id": "hex-demo", "client_secret": "hex-demo-secret", "store_id": "S001"}


@pytest.mark.parametrize("more", [{}, {"client_name": "门店 POS"}], ids=["required_alone", "with_client_name"])
def test_hexs_token_works_as_its_table_says(sandbox: Sandbox, more: dict[str, str]) -> None:
    status, answer = posted_json(f"{sandbox.url}/third_party/oauth2/token", {**HEX_CLIENT, **more})
    assert (status, list(answer)) == (200, ["status_code", "code", "description", "payload"])
    assert (answer["status_code"], answer["code"], answer["description"]) == (0, "", "")
    assert list(answer["payload"]) == ["access_token", "refresh_token"]
    assert all(OPAQUE.fullmatch(token) for token in answer["payload"].values())


def test_hexs_refresh_works_as_its_table_says(sandbox: Sandbox) -> None:
    _, answer = posted_json(f"{sandbox.url}/third_party/oauth2/token", HEX_CLIENT)
    tokens = answer["payload"]
    bearer = f"Authorization: Bearer {tokens['access_token']}"
    status, answer = posted_json(f"{sandbox.url}/third_party/oauth2/token/refresh", {"refresh_token": tokens["refresh_token"]}, bearer)
    assert (status, answer["status_code"], list(answer["payload"])) == (200, 0, ["expires"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", answer["payload"]["expires"])


PLATFORM_CLIENT = {"client_id": "platform-demo", "client_secret": "platform-demo-secret"}
ALL_FIVE = ["token_type", "expires_in", "access_token", "refresh_token", "scope"]


def test_the_open_platforms_grants_work_as_their_tables_say(sandbox: Sandbox) -> None:
    exchanged = posted(
        f"{sandbox.url}/oauth2/authorize",
        fields={
            "grant_type": "authorization_code",
            **PLATFORM_CLIENT,
            "redirect_uri": CALLBACK,
            "code": code(sandbox.database_url, "platform-demo"),
        },
    )
    by_password = posted(
        f"{sandbox.url}/oauth2/password",
        fields={"grant_type": "password", **PLATFORM_CLIENT, "username": "demo", "password": "demo-password"},
    )
    refreshed = posted(
        f"{sandbox.url}/oauth2/refresh-token",
        fields={"grant_type": "refresh_token", "refresh_token": by_password[1]["refresh_token"], **PLATFORM_CLIENT},
    )
    for status, answer in (exchanged, by_password, refreshed):
        assert (status, list(answer)) == (200, ALL_FIVE)
        assert (answer["token_type"], answer["expires_in"]) == ("Bearer", 3600)


def test_the_open_platforms_client_credentials_come_without_a_refresh_token(sandbox: Sandbox) -> None:
    status, answer = posted(
        f"{sandbox.url}/oauth2/client-credentials", fields={"grant_type": "client_credentials", **PLATFORM_CLIENT, "scope": "orders"}
    )
    assert (status, list(answer)) == (200, ["token_type", "expires_in", "access_token", "scope"])
    assert answer["scope"] == "orders"
