"""What a client may not be registered with: every refusal names the key and says what to do."""

import pytest

from app.admin import Refused
from app.admin.registration import declare_client, merged, new_client
from app.core.clock import SystemClock
from app.dialects import Dialects
from app.models import Client

CB = ["https://app.example.com/cb"]


def refusal(values: dict[str, object], dialects: Dialects) -> Refused:
    with pytest.raises(Refused) as caught:
        new_client(declare_client(values, dialects), dialects, SystemClock().now())
    return caught.value


@pytest.mark.security("RU-05")
@pytest.mark.parametrize(
    "uri",
    [
        "http://app.example.com/cb",
        "https://app.example.com/cb#fragment",
        "https://app.example.com/cb#",
        "https://user@app.example.com/cb",
        "https://*.example.com/cb",
        "javascript:alert(1)",
        "data:text/html,x",
        "file:///etc/passwd",
        "https://",
        "/cb",
        "https://app.example.com/a b",
        "https://app.example.com/é",
        "https://app.example.com:port/cb",
        "https://app.example.com/" + "a" * 2000,
    ],
)
@pytest.mark.parametrize("key", ["redirect_uris", "post_logout_redirect_uris"])
def test_a_redirect_uri_that_could_leak_is_refused(key: str, uri: str, dialects: Dialects) -> None:
    assert refusal({"redirect_uris": CB, key: [uri]}, dialects).key == key


@pytest.mark.security("AD-04")
@pytest.mark.parametrize("key", ["id", "version", "secret_hash", "is_admin", "disabled_at", "redirect_uri", "client_name#", "scope#zh"])
def test_an_unknown_key_is_refused_by_name(key: str, dialects: Dialects) -> None:
    refused = refusal({"redirect_uris": CB, key: "x"}, dialects)
    assert refused.key == key
    assert "is no key here" in refused.reason


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        ("client_id", "", "is empty: leave it out"),
        ("client_id", 7, "must be a text, not a number"),
        ("client_id", "café", "takes printable ASCII"),
        ("client_id", " app", "with no space at its ends"),
        ("client_id", "a" * 201, "is longer than 200 characters"),
        ("client_id", "a\x00b", "holds a control character"),
        ("client_name", "a\nb", "holds a control character"),
        ("client_name", "half \ud800 pair", "holds a control character"),
        ("client_name", True, "must be a text, not true or false"),
        ("client_secret", "", "is empty: leave it out"),
        ("client_secret", "密码" * 20, "takes printable ASCII"),
        ("client_secret", "s" * 1025, "is longer than 1024 characters"),
        ("dialect", "klingon", "there is no dialect klingon: there are standard"),
        ("strictness", "lax", "is one of as documented, as seen"),
        ("strictness", "", "is one of as documented, as seen"),
        ("strictness", "as seen", "the dialect standard has no known quirks: its clients are answered as documented"),
        ("redirect_uris", "https://app.example.com/cb", "must be a list of texts"),
        ("redirect_uris", [""], "holds an empty text"),
        ("redirect_uris", [1], "must be a text, not a number"),
        ("redirect_uris", [f"https://app.example.com/{n}" for n in range(201)], "has more than 200 entries"),
        ("grant_types", ["magic"], "the dialect standard has no grant magic: it has authorization_code"),
        ("grant_types", ["implicit"], 'open only to clients with profile = "oidc"'),
        ("grant_types", ["password"], 'open only to clients with profile = "legacy"'),
        ("response_types", ["magic"], "there is no magic: there are code, token, id_token"),
        ("response_types", ["id_token"], 'needs implicit among the grant_types, which is open only to clients with profile = "oidc"'),
        ("response_types", ["token id_token code"], "code id_token token needs implicit among the grant_types"),
        ("response_types", ["token"], "no door of the dialect standard answers with a token"),
        ("scope", 'say "hello"', "takes up to 100 scopes"),
        ("scope", "ord\u00a0ers", "takes up to 100 scopes"),
        ("scope", " ".join(f"s{n}" for n in range(101)), "takes up to 100 scopes"),
        (
            "token_endpoint_auth_method",
            "tls_client_auth",
            "is one of client_secret_basic, client_secret_post, private_key_jwt, client_secret_jwt, none",
        ),
        ("allowed_origins", ["https://app.example.com/"], "an origin is scheme, host and port alone"),
        ("allowed_origins", ["*"], "must be an http or https address"),
        ("allowed_origins", ["https://APP.example.com"], "an origin is scheme, host and port alone"),
        ("allowed_origins", ["https://*.example.com"], "without a wildcard"),
        ("client_uri", "javascript:alert(1)", "must be an http or https address"),
        ("client_uri", "https://user@a.example/", "holds a user name"),
        ("logo_uri", "http://[::1", "not a URL"),
        ("contacts", "ops@example.com", "must be a list of texts"),
        ("jwks", "x", "must be a table, not a text"),
        ("jwks", {"keys": "x"}, "must hold a list of 1 to 100 keys"),
        ("jwks", {"keys": [{"kty": "EC", "d": "x"}]}, "holds a private key"),
        ("profile", "strict", "the option profile is one of oauth21, oidc, legacy"),
        ("profile", 3, "must be a text, not a number"),
        ("envelope", "rageframe", "the dialect standard has no option envelope: it has profile"),
        ("shops", "S001", "must be a list of texts"),
        ("client_name", ["x"], "must be a text, not a list"),
        ("client_name", {"en": "x"}, "must be a text, not a table"),
    ],
)
def test_a_value_that_cannot_be_is_refused_with_key_and_reason(key: str, value: object, reason: str, dialects: Dialects) -> None:
    refused = refusal({"redirect_uris": CB, key: value}, dialects)
    assert refused.key == key
    assert reason in refused.reason
    assert str(refused) == f"{key}: {refused.reason}"


def test_authorization_codes_need_a_redirect_uri(dialects: Dialects) -> None:
    assert refusal({}, dialects).key == "redirect_uris"
    assert refusal({"dialect": "youzan", "grant_types": ["authorization_code"]}, dialects).key == "redirect_uris"
    assert refusal({"dialect": "open_platform", "grant_types": ["implicit"]}, dialects).key == "redirect_uris"


def test_a_response_type_is_one_that_a_door_of_the_dialect_answers_with(dialects: Dialects) -> None:
    declared = {"dialect": "open_platform", "response_types": ["code", "token"]}
    assert new_client(declare_client(declared, dialects), dialects, SystemClock().now()).response_types == ["code", "token"]
    assert refusal({"dialect": "youzan", "response_types": ["token"]}, dialects).key == "response_types"


def test_a_client_may_have_no_grant_at_all(dialects: Dialects) -> None:
    client = new_client(declare_client({"grant_types": []}, dialects), dialects, SystemClock().now())
    assert client.grant_types == []


def test_a_public_client_cannot_have_a_grant_that_needs_a_secret(dialects: Dialects) -> None:
    refused = refusal({"token_endpoint_auth_method": "none", "grant_types": ["client_credentials"]}, dialects)
    assert (refused.key, refused.reason) == (
        "grant_types",
        "the grant client_credentials needs a secret or a key, and a public client has none",
    )


@pytest.mark.parametrize("dialect", ["youzan", "hex", "open_platform"])
def test_a_dialect_without_public_clients_says_so(dialect: str, dialects: Dialects) -> None:
    refused = refusal({"dialect": dialect, "token_endpoint_auth_method": "none"}, dialects)
    assert refused.key == "token_endpoint_auth_method"
    assert "serves no public clients" in refused.reason


@pytest.mark.parametrize(
    ("dialect", "option", "value"),
    [
        ("hex", "always_http_200", True),
        ("hex", "expires_format", "epoch"),
        ("open_platform", "envelope", "rageframe"),
        ("fantem", "refresh_rule", "rotate"),
        ("standard", "profile", "oidc"),
    ],
)
def test_the_options_of_a_dialect_are_taken(dialect: str, option: str, value: object, dialects: Dialects) -> None:
    client = new_client(declare_client({"dialect": dialect, "redirect_uris": CB, option: value}, dialects), dialects, SystemClock().now())
    assert client.options == {option: value}
    off = merged(client, declare_client({option: ""}, dialects), dialects)
    assert off.options == {}


def test_an_option_of_false_is_no_option(dialects: Dialects) -> None:
    client = new_client(declare_client({"dialect": "hex", "always_http_200": False}, dialects), dialects, SystemClock().now())
    assert client.options == {}


def test_null_is_the_same_as_absent(dialects: Dialects) -> None:
    declared = declare_client({"client_name": None, "grant_types": None, "nonsense": None}, dialects)
    assert declared == declare_client({}, dialects)


def test_a_declaration_never_shows_its_secret(dialects: Dialects) -> None:
    assert "0123456789" not in repr(declare_client({"client_secret": "0123456789"}, dialects))


def test_a_client_of_a_dialect_that_is_not_loaded_cannot_be_changed(dialects: Dialects) -> None:
    client = new_client(declare_client({"dialect": "hex"}, dialects), dialects, SystemClock().now())
    without = Dialects(dialect for dialect in dialects.by_name.values() if dialect.name != "hex")
    with pytest.raises(Refused, match="the dialect hex of this client is not loaded"):
        merged(client, declare_client({"client_name": "x"}, without), without)


# -- OpenID Connect ----------------------------------------------------------------------------------------------------------------


def registered(values: dict[str, object], dialects: Dialects) -> Client:
    return new_client(declare_client({"redirect_uris": CB, **values}, dialects), dialects, SystemClock().now())


@pytest.mark.rfc("OIDC Registration", "2")
def test_the_metadata_of_openid_connect_is_kept_and_read(dialects: Dialects) -> None:
    plain = registered({}, dialects)
    assert (plain.id_token_signed_response_alg, plain.userinfo_signed_response_alg, plain.is_pairwise) == ("RS256", None, False)
    assert (plain.default_max_age, plain.require_auth_time, plain.access_token_format, plain.sector) == (
        *(None, False, "opaque"),
        "app.example.com",
    )
    told = {
        "id_token_signed_response_alg": "EdDSA",
        "userinfo_signed_response_alg": "ES256",
        "subject_type": "pairwise",
        "sector_identifier_uri": "https://sector.example.com/uris.json",
        "default_max_age": 0,
        "require_auth_time": True,
    }
    client = registered(told, dialects)
    assert client.extra == told
    assert (client.id_token_signed_response_alg, client.userinfo_signed_response_alg) == ("EdDSA", "ES256")
    assert (client.is_pairwise, client.sector, client.default_max_age, client.require_auth_time) == (True, "sector.example.com", 0, True)
    cleared = merged(client, declare_client({**dict.fromkeys(told, ""), "require_auth_time": False}, dialects), dialects)
    assert cleared.extra == {}


@pytest.mark.security("KY-05")
@pytest.mark.security("KY-06")
@pytest.mark.parametrize("key", ["id_token_signed_response_alg", "userinfo_signed_response_alg"])
@pytest.mark.parametrize(
    ("algorithm", "reason"),
    [
        ("none", "what nobody has signed proves nothing"),
        ("HS256", "it needs the client's secret"),
        ("HS512", "it needs the client's secret"),
        ("rs256", "is one of RS256, ES256, EdDSA"),
        ("PS256", "is one of RS256, ES256, EdDSA"),
    ],
)
def test_an_algorithm_that_signs_nothing_is_refused(key: str, algorithm: str, reason: str, dialects: Dialects) -> None:
    refused = refusal({"redirect_uris": CB, key: algorithm}, dialects)
    assert refused.key == key
    assert reason in refused.reason


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        ("subject_type", "private", "is public or pairwise"),
        ("sector_identifier_uri", "http://sector.example.com", "must be an https address"),
        ("default_max_age", -1, "must be a number from 0"),
        ("default_max_age", True, "must be a number from 0"),
        ("default_max_age", "soon", "must be a number from 0"),
        ("require_auth_time", "yes", "must be true or false, not a text"),
    ],
)
def test_other_metadata_of_openid_connect_is_checked(key: str, value: object, reason: str, dialects: Dialects) -> None:
    refused = refusal({"redirect_uris": CB, key: value}, dialects)
    assert (refused.key, reason in refused.reason) == (key, True), refused.reason


def test_pairwise_names_need_one_host(dialects: Dialects) -> None:
    several: dict[str, object] = {"subject_type": "pairwise", "redirect_uris": [*CB, "https://other.example.com/cb"]}
    assert "app.example.com, other.example.com" in refusal(several, dialects).reason
    assert registered({**several, "sector_identifier_uri": "https://s.example.com/x"}, dialects).sector == "s.example.com"
    assert registered({"subject_type": "pairwise", "redirect_uris": [*CB, "https://app.example.com/2"]}, dialects).is_pairwise


def test_a_dialect_that_does_not_speak_openid_connect_refuses_its_metadata(dialects: Dialects) -> None:
    refused = refusal({"dialect": "fantem", "redirect_uris": CB, "id_token_signed_response_alg": "ES256"}, dialects)
    assert (refused.key, refused.reason) == (
        "id_token_signed_response_alg",
        "is of OpenID Connect, which the dialect fantem does not speak",
    )
