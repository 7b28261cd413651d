"""The engine as a whole: what goes in, what comes out, and that it keeps nothing."""

import json
from dataclasses import fields

import pytest
from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import OAuth2Request

from app.core.causes import Cause
from app.ledger import Facts
from app.messages import Proofs, Refusal, Request
from app.oauth2 import AuthorizationServer
from app.oauth2.request import ExchangeRequest, Payload
from app.oauth2.token_grant import TokenGrant
from tests.oauth2.exchange import NOW, SERVER, Asked, client, code, family, held, token


def exchange_request(message: Request | None = None, facts: Facts | None = None) -> ExchangeRequest:
    return ExchangeRequest(message or Asked("client_credentials").request(), facts or Facts(), Proofs(), NOW)


def test_a_request_has_every_attribute_that_authlib_gives_its_own() -> None:
    theirs = vars(OAuth2Request("POST", "https://tokenry.invalid/"))
    ours = vars(exchange_request())
    assert set(theirs) <= set(ours)
    assert {name: ours[name] for name in theirs if name != "payload"} == {
        name: value for name, value in theirs.items() if name != "payload"
    }


@pytest.mark.rfc("6749", "3.2")
@pytest.mark.security("TK-03")
def test_a_request_shows_authlib_the_body_and_no_query() -> None:
    request = exchange_request(Asked("client_credentials", {"scope": "items", "code": "x"}).request())
    assert request.form == {"scope": "items", "code": "x"}
    assert request.args == {}
    assert request.payload.data is request.message.parameters
    assert request.payload.datalist["scope"] == ["items"]
    assert request.payload.datalist["absent"] == []
    assert request.scope == "items"
    assert request.headers.get("Authorization") is None
    assert Payload({}).scope is None


def test_an_outcome_is_made_of_facts_alone_and_nothing_is_remembered() -> None:
    before = dict(vars(SERVER))
    for _ in range(3):
        assert Asked("authorization_code", {"code": "the-code"}, Facts(code=held(code(redirect_uri_sent=False)))).members()
        assert Asked("client_credentials", {}, Facts()).members()
    assert vars(SERVER) == before


def test_the_members_of_an_answer_are_words_of_the_rfc() -> None:
    members = dict(Asked("refresh_token", {"refresh_token": "the-refresh-token"}, Facts(token=held(token()))).members())
    assert json.dumps(members | {"expires_at": None})
    assert set(members) == {"access_token", "token_type", "expires_in", "expires_at", "scope", "refresh_token"}


def test_the_shop_that_was_acted_for_is_named_for_the_log() -> None:
    bound = held(token(), family(shop_id="shop-1"))
    outcome, _ = Asked("refresh_token", {"refresh_token": "the-refresh-token"}, Facts(token=bound)).answer()
    assert outcome.shop == "S001"
    stranger = Asked("refresh_token", {"refresh_token": "x", "shop": "S999"}, Facts(token=bound, client=client("other", "demo-secret")))
    assert stranger.answer()[0].shop is None


@pytest.mark.security("TK-13")
def test_an_error_of_authlibs_own_becomes_a_refusal() -> None:
    for error, cause in (
        ("invalid_request", Cause.MISSING_PARAMETER),
        ("invalid_client", Cause.INVALID_CLIENT),
        ("unauthorized_client", Cause.UNAUTHORIZED_GRANT),
        ("unsupported_grant_type", Cause.UNSUPPORTED_GRANT_TYPE),
        ("invalid_scope", Cause.BAD_SCOPE),
    ):
        theirs = OAuth2Error(description="because")
        theirs.error = error
        with pytest.raises(Refusal) as refused:
            SERVER.handle_error_response(exchange_request(), theirs)
        assert (refused.value.cause, refused.value.description) == (cause, "because")


def test_a_grant_makes_no_tokens_before_its_family() -> None:
    with pytest.raises(RuntimeError, match="before its family"):
        TokenGrant(exchange_request(), SERVER).generate_token()


def test_a_refusal_keeps_no_way_back_to_the_request() -> None:
    outcome, _ = Asked("refresh_token", {"refresh_token": "x"}).answer()
    assert outcome.refusal is not None
    assert outcome.refusal.__traceback__ is None
    assert outcome.refusal.__context__ is None


@pytest.mark.parametrize("grant_type", ["authorization_code", "client_credentials", "password", "refresh_token"])
def test_a_wrong_secret_is_the_same_refusal_at_every_grant(grant_type: str) -> None:
    exchange = Asked(grant_type, {}, Facts(client=client("demo", "another")))
    outcome, writes = exchange.answer()
    assert outcome.refusal is not None
    assert outcome.refusal.cause is Cause.INVALID_CLIENT
    assert [field.name for field in fields(writes) if getattr(writes, field.name) and field.name not in {"at", "window"}] == ["count"]


def test_the_issuer_is_the_one_that_was_set() -> None:
    assert AuthorizationServer("https://one.example").issuer == "https://one.example"


def test_what_authlib_would_save_or_announce_is_the_pipelines_business() -> None:
    server = AuthorizationServer("https://one.example")
    request = exchange_request()
    server.save_token({"access_token": "x"}, request)
    server.send_signal("after_authenticate_client", client=None)
    assert not request.writes
    assert server.create_oauth2_request(request) is request
