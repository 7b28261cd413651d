"""What a client may register to hear of logouts: addresses that are its own, and that nobody can listen to."""

import pytest

from app.admin import Refused
from app.admin.registration import declare_client, merged, new_client
from app.core.clock import SystemClock
from app.dialects import Dialects
from app.models import Client

CALLBACK = "https://app.example.com/cb"
URIS = ("backchannel_logout_uri", "frontchannel_logout_uri")


def made(dialects: Dialects, **values: object) -> Client:
    return new_client(declare_client({"redirect_uris": [CALLBACK], **values}, dialects), dialects, SystemClock().now())


def refusal(dialects: Dialects, **values: object) -> Refused:
    with pytest.raises(Refused) as caught:
        made(dialects, **values)
    return caught.value


@pytest.mark.rfc("OIDC Back-Channel Logout", "2.2")
@pytest.mark.rfc("OIDC Front-Channel Logout", "2")
def test_client_hears_of_logouts_at_its_own_addresses(dialects: Dialects) -> None:
    client = made(
        dialects,
        backchannel_logout_uri="https://api.example.com/out?x=1",
        backchannel_logout_session_required=True,
        frontchannel_logout_uri="https://APP.example.com:443/out?x=1",
        frontchannel_logout_session_required=False,
    )
    assert (client.backchannel_logout_uri, client.backchannel_logout_session_required) == ("https://api.example.com/out?x=1", True)
    assert (client.frontchannel_logout_uri, client.frontchannel_logout_session_required) == ("https://APP.example.com:443/out?x=1", False)
    assert client.hears_of_logout
    silent = merged(client, declare_client({"backchannel_logout_uri": "", "frontchannel_logout_uri": ""}, dialects), dialects)
    assert (silent.backchannel_logout_uri, silent.frontchannel_logout_uri, silent.hears_of_logout) == (None, None, False)


def test_client_on_a_developers_machine_may_be_told_without_tls(dialects: Dialects) -> None:
    uri = "http://localhost:3000/out"
    client = made(dialects, redirect_uris=["http://localhost:3000/cb"], backchannel_logout_uri=uri, frontchannel_logout_uri=uri)
    assert (client.backchannel_logout_uri, client.frontchannel_logout_uri) == (uri, uri)


@pytest.mark.security("AD-12")
@pytest.mark.parametrize("key", URIS)
@pytest.mark.parametrize(
    "uri",
    [
        "http://app.example.com/out",
        "https://app.example.com/out#here",
        "https://user@app.example.com/out",
        "https://app.example.com;script-src *:443/out",
        "https://app.example.com;script-src/out",
        "https://app.example.com,x/out",
        "com.example.app:/out",
        "javascript:alert(1)",
        "https:///out",
        "out",
    ],
)
def test_address_that_others_could_listen_to_is_refused(key: str, uri: str, dialects: Dialects) -> None:
    assert refusal(dialects, **{key: uri}).key == key


@pytest.mark.parametrize("uri", ["https://other.example.com/out", "https://app.example.com:8443/out"])
def test_page_that_browsers_load_is_at_an_origin_of_the_client(uri: str, dialects: Dialects) -> None:
    refused = refusal(dialects, frontchannel_logout_uri=uri)
    assert (refused.key, "of one of the redirect_uris" in refused.reason) == ("frontchannel_logout_uri", True)


@pytest.mark.parametrize("key", [*URIS, "backchannel_logout_session_required"])
def test_client_of_another_dialect_hears_nothing(key: str, dialects: Dialects) -> None:
    value: object = True if key.endswith("required") else "https://app.example.com/out"
    refused = refusal(dialects, dialect="youzan", **{key: value})
    assert (refused.key, "does not speak" in refused.reason) == (key, True)


def test_what_must_be_true_or_false_is(dialects: Dialects) -> None:
    assert refusal(dialects, frontchannel_logout_session_required="perhaps").key == "frontchannel_logout_session_required"
