"""What Authlib asks of a client and a user, and what they answer."""

from datetime import UTC, datetime
from typing import Any

import pytest
from authlib.oauth2.rfc6749 import ClientMixin

from app.models import Client, User

NOW = datetime(2026, 11, 22, tzinfo=UTC)


def client(**members: Any) -> Client:
    return Client(
        **{
            "client_id": "demo",
            "dialect": "standard",
            "redirect_uris": ["https://client.example.com/cb"],
            "post_logout_redirect_uris": [],
            "allowed_origins": [],
            "scope": "orders items",
            "options": {},
            "extra": {},
            "version": 1,
            "created_at": NOW,
            "updated_at": NOW,
            **members,
        }
    )


def test_every_question_of_authlibs_mixin_has_an_answer_but_the_one_that_is_never_asked() -> None:
    questions = {name for name in vars(ClientMixin) if not name.startswith("_")}
    assert questions - set(vars(Client)) == {"check_client_secret"}
    with pytest.raises(NotImplementedError):
        client().check_client_secret("a secret is compared by its digest, before Authlib")


def test_a_client_knows_its_id() -> None:
    assert client().get_client_id() == "demo"


@pytest.mark.rfc("6749", "3.1.2.3")
def test_the_default_redirect_uri_is_the_only_one() -> None:
    assert client().get_default_redirect_uri() == "https://client.example.com/cb"
    assert client(redirect_uris=[]).get_default_redirect_uri() is None
    assert client(redirect_uris=["https://a.example/cb", "https://b.example/cb"]).get_default_redirect_uri() is None


@pytest.mark.security("SC-02")
def test_the_allowed_scope_never_goes_beyond_the_registered_one() -> None:
    assert client().get_allowed_scope(None) == "orders items"
    assert client().get_allowed_scope("items") == "items"
    assert client().get_allowed_scope("items admin") is None


@pytest.mark.rfc("9700", "2.1")
@pytest.mark.security("RU-01")
@pytest.mark.parametrize(
    "other",
    [
        "https://client.example.com/cb/",
        "https://client.example.com/CB",
        "https://client.example.com:443/cb",
        "https://client.example.com/cb?x",
        "https://client.example.com/cb#",
        "https://client.example.com/c%62",
        "HTTPS://client.example.com/cb",
        "",
    ],
)
def test_a_redirect_uri_is_compared_as_a_plain_string(other: str) -> None:
    assert client().check_redirect_uri("https://client.example.com/cb")
    assert not client().check_redirect_uri(other)


@pytest.mark.security("CA-08")
@pytest.mark.parametrize("endpoint", ["token", "introspection", "revocation", "anything"])
def test_the_registered_method_counts_at_every_endpoint(endpoint: str) -> None:
    methods = ("client_secret_basic", "client_secret_post", "none")
    for registered in methods:
        registered_so = client(token_endpoint_auth_method=registered)
        assert [registered_so.check_endpoint_auth_method(method, endpoint) for method in methods] == [
            method == registered for method in methods
        ]
    open_minded = client(token_endpoint_auth_method=None)
    assert [open_minded.check_endpoint_auth_method(method, endpoint) for method in methods] == [True, True, False]


def test_a_client_is_public_where_its_method_is_none() -> None:
    assert client(token_endpoint_auth_method="none").is_public
    assert not client(token_endpoint_auth_method="client_secret_basic").is_public
    assert not client(token_endpoint_auth_method=None).is_public


@pytest.mark.security("TK-12")
def test_grants_and_response_types_are_the_registered_ones_or_all() -> None:
    assert client().check_grant_type("anything")
    assert client(grant_types=["silent"]).check_grant_type("silent")
    assert not client(grant_types=["silent"]).check_grant_type("refresh_token")
    assert not client(grant_types=[]).check_grant_type("silent")
    assert client().check_response_type("token")
    assert client(response_types=["code"]).check_response_type("code")
    assert not client(response_types=["code"]).check_response_type("token")


def test_a_user_is_known_by_an_id_that_says_nothing() -> None:
    user = User(id="c2VjcmV0c2VjcmV0c2VjcmU", username="demo", username_key="demo", created_at=NOW, updated_at=NOW)
    assert user.get_user_id() == "c2VjcmV0c2VjcmV0c2VjcmU"
