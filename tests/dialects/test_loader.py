"""Dialect files: what is read of them, and that a bad one names the file, the key and the reason."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from app.core.causes import KEEPS_ITS_STATUS, STANDARD_ANSWERS, Cause
from app.core.policy import Policy, RedirectUriRule, RefreshRule, ShopRule
from app.dialects import DialectError, load_dialects, read_dialect
from app.dialects.loader import BUILT_IN
from app.main import create_app
from app.settings import load_settings
from tests.dialects.files import GOOD, bent, written

BUILT_INS = ("standard", "fantem", "hex", "open_platform", "youzan")


# -- what is built in ------------------------------------------------------------------------------------------------------------


def test_the_built_in_dialects_are_loaded_and_the_standard_one_is_the_first() -> None:
    assert tuple(load_dialects().by_name) == BUILT_INS


def test_the_doors_of_all_dialects_are_one_house() -> None:
    doors = load_dialects().doors
    assert {path: tuple(door.owners) for path, door in doors.items()} == {
        "/token": ("standard",),
        "/introspect": ("standard",),
        "/revoke": ("standard",),
        "/oauth/token": ("fantem", "youzan"),
        "/third_party/oauth2/token": ("hex",),
        "/third_party/oauth2/token/refresh": ("hex",),
        "/oauth2/authorize": ("open_platform",),
        "/oauth2/password": ("open_platform",),
        "/oauth2/client-credentials": ("open_platform",),
        "/oauth2/refresh-token": ("open_platform",),
    }


@pytest.mark.parametrize(
    ("dialect", "grant", "expected"),
    [
        ("hex", "store_credentials", {"access_token_expires_in": 7200, "refresh_token_expires_in": 30 * 86400, "shop": ShopRule.REQUIRED}),
        ("hex", "refresh_token", {"refresh_rule": RefreshRule.EXTEND, "access_token_expires_in": 7200}),
        ("youzan", "authorize_platform", {"access_token_expires_in": 7 * 86400, "shop": ShopRule.OPTIONAL, "issue_refresh_token": False}),
        ("youzan", "silent", {"shop": ShopRule.REQUIRED, "issue_refresh_token": False}),
        (
            "youzan",
            "authorization_code",
            {
                "authorization_code_expires_in": 600,
                "access_token_expires_in": 7 * 86400,
                "refresh_token_expires_in": 28 * 86400,
                "redirect_uri": RedirectUriRule.REQUIRED,
                "refresh_rule": RefreshRule.ROTATE,
                "revoke_access_token": False,
                "family_expires_in": 365 * 86400,
                "grace_in": 10,
            },
        ),
        (
            "open_platform",
            "refresh_token",
            {
                "authorization_code_expires_in": 600,
                "access_token_expires_in": 3600,
                "refresh_token_expires_in": 30 * 86400,
                "refresh_rule": RefreshRule.ROTATE,
                "revoke_access_token": True,
            },
        ),
        ("open_platform", "client_credentials", {"issue_refresh_token": False}),
        (
            "fantem",
            "refresh_token",
            {
                "authorization_code_expires_in": 600,
                "access_token_expires_in": 36000,
                "refresh_token_expires_in": 0,
                "family_expires_in": 0,
                "refresh_rule": RefreshRule.REUSE,
                "redirect_uri": RedirectUriRule.OPTIONAL,
                "token_type": "bearer",
            },
        ),
        ("standard", "authorization_code", {"authorization_code_expires_in": 60, "access_token_expires_in": 3600}),
    ],
)
def test_the_policies_are_those_of_the_contract(dialect: str, grant: str, expected: dict[str, object]) -> None:
    policy = load_dialects()[dialect].plain.grants[grant].alone
    assert {name: getattr(policy, name) for name in expected} == expected


@pytest.mark.security("CD-07")
@pytest.mark.parametrize(
    ("dialect", "access", "refresh", "code"),
    [
        ("hex", r"[A-Za-z0-9_-]{43}", r"[A-Za-z0-9_-]{43}", None),
        ("youzan", r"[0-9a-f]{32}", r"[0-9a-f]{40}", r"[0-9a-f]{40}"),
        ("open_platform", r"[A-Za-z0-9_-]{43}", r"[A-Za-z0-9_-]{43}", r"[A-Za-z0-9_-]{43}"),
        ("fantem", r"[0-9A-F]{32}", r"[0-9A-F]{32}", r"[0-9a-fA-F]{32}"),
        ("standard", r"[A-Za-z0-9_-]{43}", r"[A-Za-z0-9_-]{43}", r"[A-Za-z0-9_-]{43}"),
    ],
)
def test_the_formats_are_those_of_the_contract(dialect: str, access: str, refresh: str, code: str | None) -> None:
    for policies in load_dialects()[dialect].plain.grants.values():
        for policy in (policies.alone, policies.with_shop):
            assert re.fullmatch(access, policy.access_token.generate())
            assert re.fullmatch(refresh, policy.refresh_token.generate())
            if code is not None:
                assert re.fullmatch(code, policy.authorization_code.generate())


def test_a_shop_changes_the_policy_where_the_contract_says_so() -> None:
    policies = load_dialects()["youzan"].plain.grants["authorize_platform"]
    assert not policies.alone.issue_refresh_token
    assert policies.with_shop.issue_refresh_token


@pytest.mark.parametrize("dialect", BUILT_INS)
@pytest.mark.security("TK-13")
def test_every_cause_has_an_answer_under_every_option(dialect: str) -> None:
    loaded = load_dialects()[dialect]
    variants = [loaded.plain, *(loaded.variant({name: value}) for name, values in loaded.tables.options.items() for value in values)]
    for variant in variants:
        assert set(variant.errors) == set(Cause)
        assert variant.answers.keys() >= {grant.answer for grant in loaded.grants.values()}


HEX_STATUSES = {
    Cause.INVALID_CLIENT: (401, 16, "invalid_client"),
    Cause.FOREIGN_DIALECT: (403, 7, "unauthorized_client"),
    Cause.UNAUTHORIZED_GRANT: (403, 7, "unauthorized_client"),
    Cause.UNKNOWN_SHOP: (403, 7, "unauthorized_store"),
    Cause.BAD_BEARER: (401, 16, "invalid_token"),
    Cause.BAD_REFRESH_TOKEN: (400, 3, "invalid_grant"),
    Cause.TOO_MANY_ATTEMPTS: (429, 8, "rate_limited"),
    Cause.UNAVAILABLE: (503, 14, "unavailable"),
    Cause.SERVER_ERROR: (500, 13, "server_error"),
    Cause.METHOD_NOT_ALLOWED: (405, 3, "invalid_request"),
    Cause.BODY_TOO_LARGE: (413, 3, "invalid_request"),
    Cause.UNSUPPORTED_MEDIA_TYPE: (415, 3, "invalid_request"),
    Cause.MALFORMED_BODY: (400, 3, "invalid_request"),
    Cause.REPEATED_PARAMETER: (400, 3, "invalid_request"),
    Cause.PARAMETER_IN_QUERY: (400, 3, "invalid_request"),
    Cause.MISSING_PARAMETER: (400, 3, "invalid_request"),
    Cause.INVALID_PARAMETER: (400, 3, "invalid_request"),
    Cause.CONFLICTING_CREDENTIALS: (400, 3, "invalid_request"),
}


@pytest.mark.parametrize(("cause", "expected"), HEX_STATUSES.items())
def test_the_envelopes_error_table_is_that_of_the_contract(cause: Cause, expected: tuple[int, int, str]) -> None:
    answer = load_dialects()["hex"].plain.errors[cause]
    assert (answer.status, answer.extra["number"], answer.error) == expected
    assert answer.description
    assert not answer.description.isascii()


RAGEFRAME_MESSAGES = {
    Cause.INVALID_CLIENT: "Client authentication failed",
    Cause.BAD_USER_CREDENTIALS: "用户名或密码错误",
    Cause.UNSUPPORTED_GRANT_TYPE: "The authorization grant type is not supported by the authorization server.",
    Cause.BAD_REFRESH_TOKEN: "The refresh token is invalid.",
    Cause.BAD_SCOPE: "The requested scope is invalid, unknown, or malformed",
    **dict.fromkeys(
        (
            Cause.MISSING_PARAMETER,
            Cause.INVALID_PARAMETER,
            Cause.REPEATED_PARAMETER,
            Cause.MALFORMED_BODY,
            Cause.BAD_CODE,
            Cause.BAD_REDIRECT_URI,
        ),
        "The request is missing a required parameter, includes an invalid parameter value, includes a parameter more than once, "
        "or is otherwise malformed.",
    ),
}


@pytest.mark.parametrize(("cause", "message"), RAGEFRAME_MESSAGES.items())
def test_the_envelopes_messages_are_those_of_the_contract(cause: Cause, message: str) -> None:
    assert load_dialects()["open_platform"].variant({"envelope": "rageframe"}).errors[cause].extra["message"] == message


@pytest.mark.parametrize("dialect", BUILT_INS)
def test_no_option_can_change_the_status_that_proxies_act_on(dialect: str) -> None:
    loaded = load_dialects()[dialect]
    for cause in KEEPS_ITS_STATUS:
        assert loaded.plain.errors[cause].status == STANDARD_ANSWERS[cause].status


@pytest.mark.parametrize("path", sorted(BUILT_IN.glob("*.toml")), ids=lambda path: path.stem)
def test_every_parameter_of_a_built_in_dialect_is_described_in_both_languages(path: Path) -> None:
    content = tomllib.loads(path.read_text(encoding="utf-8"))
    for name, parameter in content["parameters"].items():
        assert parameter["description"].keys() == {"en", "zh"}, name
    for door in content["doors"]:
        for name, words in door.get("descriptions", {}).items():
            assert words.keys() == {"en", "zh"}, name


# -- an operator's folder --------------------------------------------------------------------------------------------------------


def test_a_folder_adds_its_files_to_the_built_in_ones(tmp_path: Path) -> None:
    written(tmp_path, GOOD, "a")
    (tmp_path / "b.toml").write_text(
        'name = "other"\ntitle = { en = "Other" }\n[[doors]]\npath = "/other"\n[parameters]\ngrant_type = {}\n'
        '[grants.client_credentials]\ngrant_type = "client_credentials"\n'
        '[answers.token]\nbody = { t = "$access_token" }\n[answers.error]\nbody = { e = "$error" }\n',
        encoding="utf-8",
    )
    (tmp_path / "README.md").write_text("no dialect", encoding="utf-8")
    assert tuple(load_dialects(tmp_path).by_name) == (*BUILT_INS, "mini", "other")


def test_an_empty_folder_adds_nothing(tmp_path: Path) -> None:
    assert tuple(load_dialects(tmp_path).by_name) == BUILT_INS


def test_a_folder_that_is_none_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(DialectError, match="nowhere: no such folder of dialect files"):
        load_dialects(tmp_path / "nowhere")
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(DialectError, match="no such folder"):
        load_dialects(tmp_path / "file")


def test_a_good_file_is_read(tmp_path: Path) -> None:
    dialect = read_dialect(written(tmp_path, GOOD))
    assert dialect.name == "mini"
    assert dialect.plain.grants["client_credentials"].alone == Policy()
    assert dialect.refresh_grant == "refresh_token"


def own_paths() -> set[str]:
    """What the server answers that is no dialect's door."""
    application = create_app(load_settings())
    doors = load_dialects()
    routes = [*application.routes]
    paths: set[str] = set()
    while routes:
        route: Any = routes.pop()
        if (included := getattr(route, "original_router", None)) is not None:
            routes += included.routes
        else:
            paths.add(route.path)
    return paths - set(doors.doors) - set(doors.authorization_doors) - set(doors.userinfo_doors)


def test_no_file_takes_a_path_of_the_servers_own(tmp_path: Path) -> None:
    paths = own_paths()
    assert len(paths) > 15
    for path in [*paths, "/openapi.json", "/sandbox/api/clock", "/n/mine/token", "/sandbox"]:
        place = path.replace("{address}", "pages.css")
        with pytest.raises(DialectError, match=r"doors\.0\.path: .* is the server's own"):
            read_dialect(written(tmp_path, bent("doors", 0, "path", to=place)))
    for path in ("/login/oauth/access_token", "/account/token", "/news/token"):
        read_dialect(written(tmp_path, bent("doors", 0, "path", to=path)))


def test_toml_and_json_of_the_same_shape_are_the_same(tmp_path: Path) -> None:
    toml = tmp_path / "mini.toml"
    toml.write_text(
        """
        name = "mini"
        title = { en = "Mini" }
        [[doors]]
        path = "/mini/token"
        [parameters]
        grant_type = {}
        client_id = {}
        client_secret = {}
        refresh_token = {}
        scope = {}
        [grants.client_credentials]
        grant_type = "client_credentials"
        required = ["grant_type", "client_id", "client_secret"]
        [grants.refresh_token]
        grant_type = "refresh_token"
        required = ["grant_type", "refresh_token"]
        [answers]
        token = { body = { token = "$access_token" } }
        error = { body = { error = "$error" } }
        """,
        encoding="utf-8",
    )
    assert read_dialect(toml).tables == read_dialect(written(tmp_path, GOOD)).tables


# -- bad files -------------------------------------------------------------------------------------------------------------------

TOO_OFTEN: Any = [{"path": "/a"}, {"path": "/a"}]
PLAIN_BROKEN: dict[str, tuple[dict[str, Any], str]] = {
    "an unknown key": (bent("nmae", to="mini"), "nmae: Extra inputs are not permitted"),
    "no name": (bent("name", to=...), "name: Field required"),
    "a name that is no word": (bent("name", to="Mini!"), "name: String should match pattern"),
    "no title": (bent("title", to=...), "title: Field required"),
    "a language that is not spoken": (bent("title", to={"fr": "Mini"}), "title.fr.[key]: Input should be 'en' or 'zh'"),
    "no doors": (bent("doors", to=[]), "doors: List should have at least 1 item"),
    "a door without a path": (bent("doors", to=[{}]), "doors.0.path: Field required"),
    "a path without a slash": (bent("doors", 0, "path", to="token"), "doors.0.path: String should match pattern"),
    "a path that ends in a slash": (bent("doors", 0, "path", to="/token/"), "doors.0.path: String should match pattern"),
    "a path with a query": (bent("doors", 0, "path", to="/token?x"), "doors.0.path: String should match pattern"),
    "a door twice": (bent("doors", to=TOO_OFTEN), "doors: two of them have the same path"),
    "a method": (bent("doors", 0, "method", to="GET"), "doors.0.method: Extra inputs are not permitted"),
    "an unknown media type": (bent("doors", 0, "media_types", to=["text/xml"]), "doors.0.media_types.0: Input should be"),
    "an unknown endpoint": (bent("doors", 0, "endpoint", to="pushed_request"), "doors.0.endpoint: Input should be"),
    "an unknown authentication": (bent("doors", 0, "authenticates_by", to="query"), "doors.0.authenticates_by: Input should be"),
    "a grant that the door does not find": (bent("doors", 0, "grants", to=["silent"]), "doors.0.grants: there is no grant silent"),
    "no grant_type and several grants": (
        bent("doors", 0, "sends_grant_type", to=False),
        "doors.0.sends_grant_type: a door that is sent no grant_type has exactly one grant",
    ),
    "parameters first with a grant_type": (bent("doors", 0, "parameters_first", to=True), "doors.0.parameters_first: is for a door"),
    "a token door without grants": (bent("grants", to={}), "doors.0: a token door needs a grant"),
    "a grant without an engine": (
        bent("grants", "client_credentials", "grant_type", to=...),
        "grants.client_credentials.grant_type: Field required",
    ),
    "an unknown engine": (
        bent("grants", "client_credentials", "grant_type", to="magic"),
        "grants.client_credentials.grant_type: Input should be",
    ),
    "a parameter that is not declared": (
        bent("grants", "client_credentials", "optional", to=["shop"]),
        "grants.client_credentials: the parameter shop is not among the parameters",
    ),
    "a parameter whose name is none": (bent("parameters", "a b", to={}), "parameters.a b.[key]: String should match pattern"),
    "an unknown key of a parameter": (bent("parameters", "scope", to={"means": "scope", "max": 1}), "parameters.scope.max: Extra inputs"),
    "a pattern that is none": (
        bent("parameters", "scope", "pattern", to="["),
        "parameters.scope.pattern: Value error, not a regular expression",
    ),
    "a maximum that is no number": (
        bent("parameters", "scope", "maximum", to="many"),
        "parameters.scope.maximum: Input should be a valid integer",
    ),
    "an unknown policy key": (bent("policy", "access_token_lifetime", to=60), "access_token_lifetime: Unexpected keyword argument"),
    "a lifetime that is no number": (
        bent("policy", "access_token_expires_in", to="an hour"),
        "access_token_expires_in: Input should be a valid integer",
    ),
    "an unknown rule": (bent("policy", "refresh_rule", to="sometimes"), "refresh_rule: Input should be 'rotate', 'reuse' or 'extend'"),
    "a token that could be guessed": (
        bent("policy", "access_token", to={"size": 8}),
        "access_token: Value error, a secret needs at least 16",
    ),
    "an unknown encoding": (bent("policy", "access_token", to={"encoding": "base85"}), "access_token.encoding: Input should be"),
    "an unknown key of a format": (bent("policy", "access_token", to={"length": 32}), "access_token.length: Unexpected keyword argument"),
    "a bad policy of a grant": (
        bent("grants", "client_credentials", "policy", to={"shop": "maybe"}),
        "grants.client_credentials.policy.shop: Input should be",
    ),
    "a bad policy with a shop": (
        bent("grants", "client_credentials", "policy_with_shop", to={"grace_in": "x"}),
        "grants.client_credentials.policy_with_shop.grace_in: Input should be",
    ),
    "no answer of success": (bent("answers", "token", to=...), "grants.client_credentials.answer: there is no answer token"),
    "an answer that is not there": (
        bent("grants", "refresh_token", "answer", to="more"),
        "grants.refresh_token.answer: there is no answer more",
    ),
    "no answer of refusal": (bent("answers", "error", to=...), "answers.error: is missing"),
    "an answer without a body": (bent("answers", "token", to={}), "answers.token.body: Field required"),
    "a status that is none": (
        bent("answers", "token", "status", to=99),
        "answers.token.status: Input should be greater than or equal to 200",
    ),
    "a misspelt place": (bent("answers", "token", "body", to={"a": "$Access"}), "answers.token.body: '$Access' is not $name or $name|form"),
    "an unknown form": (
        bent("answers", "token", "body", to={"a": "$now|week"}),
        "answers.token.body: '$now|week' asks for the form 'week'",
    ),
    "a moment without a form": (
        bent("answers", "token", "body", to={"a": "$expires_at"}),
        "answers.token.body: $expires_at needs a form, as $now|epoch",
    ),
    "a form of what is no moment": (bent("answers", "token", "body", to={"a": "$scope|epoch"}), "answers.token.body: $scope takes no form"),
    "a value that does not exist": (
        bent("answers", "token", "body", to={"a": {"b": ["$device_code"]}}),
        "answers.token.body: there is no value $device_code",
    ),
    "an error value that no cause has": (
        bent("answers", "error", "body", to={"code": "$number"}),
        "answers.error.body: $number has no value in errors.method_not_allowed nor in errors.default",
    ),
    "an unknown cause": (bent("errors", to={"bad_luck": {"status": 400}}), "errors.bad_luck"),
    "a status of an error that is none": (
        bent("errors", to={"default": {"status": 1000}}),
        "errors.default.status: Input should be less than",
    ),
    "an option's answer without a body": (
        bent("options", to={"o": {"v": {"answers": {"token": {}}}}}),
        "options.o.v.answers.token.body: Field required",
    ),
    "an option's unknown key": (bent("options", to={"o": {"v": {"doors": []}}}), "options.o.v.doors: Extra inputs are not permitted"),
    "an option's grant that is not there": (
        bent("options", to={"o": {"v": {"grants": {"silent": {}}}}}),
        "options.o.grants: there is no grant silent",
    ),
    "an option's bad policy": (bent("options", to={"o": {"v": {"policy": {"grace": 1}}}}), "grace: Unexpected keyword argument"),
    "an option that a grant needs and nobody declares": (
        bent("grants", "client_credentials", "requires_option", to={"profile": "legacy"}),
        "grants.client_credentials.requires_option: there is no option profile = legacy",
    ),
    "a default grant that is not there": (bent("default_grant_types", to=["silent"]), "default_grant_types: there is no grant silent"),
    "a default method that is none": (bent("default_auth_method", to="magic"), "default_auth_method: Input should be"),
}


@pytest.mark.parametrize(("content", "reason"), [pytest.param(*case, id=name.replace(" ", "-")) for name, case in PLAIN_BROKEN.items()])
def test_a_bad_file_names_the_file_the_key_and_the_reason(tmp_path: Path, content: dict[str, Any], reason: str) -> None:
    path = written(tmp_path, content)
    with pytest.raises(DialectError) as told:
        read_dialect(path)
    assert str(told.value).startswith(f"{path}: ")
    assert reason in str(told.value)
    assert "\n" not in str(told.value)


BAD_NUMBERS = {
    "an access token that never ends": ("access_token_expires_in", 0),
    "an access token that ended before": ("access_token_expires_in", -1),
    "a code that never ends": ("authorization_code_expires_in", 0),
    "a code that ended before": ("authorization_code_expires_in", -600),
    "a refresh token that ended before": ("refresh_token_expires_in", -1),
    "a family that ended before": ("family_expires_in", -1),
    "an idle limit before its time": ("refresh_token_idle_in", -1),
    "a grace before its time": ("grace_in", -1),
    "a grace beyond half a minute": ("grace_in", 31),
    "a life that no calendar has": ("access_token_expires_in", 10**12),
    "a refresh life that no calendar has": ("refresh_token_expires_in", 10**12),
    "an idle limit that no calendar has": ("refresh_token_idle_in", 10**12),
    "a family life that no calendar has": ("family_expires_in", 10**12),
}


@pytest.mark.security("RF-10")
@pytest.mark.parametrize(("key", "value"), [pytest.param(*case, id=name.replace(" ", "-")) for name, case in BAD_NUMBERS.items()])
def test_a_lifetime_that_cannot_be_is_refused_at_start(tmp_path: Path, key: str, value: int) -> None:
    with pytest.raises(DialectError, match=key):
        read_dialect(written(tmp_path, bent("policy", key, to=value)))


UNUSABLE: dict[str, tuple[dict[str, Any], str]] = {
    "a meaning that is misspelt": (bent("parameters", "scope", "means", to="skope"), "parameters.scope.means"),
    "a meaning twice": (bent("parameters", "rt", "means", to="refresh_token"), "parameters.rt"),
    "a refresh without a refresh token": (bent("grants", "refresh_token", "required", to=["grant_type"]), "grants.refresh_token"),
    "a code grant without a code": (
        bent("grants", "code", to={"grant_type": "authorization_code", "required": ["grant_type"]}),
        "grants.code",
    ),
    "a password grant without a password": (
        bent("grants", "password", to={"grant_type": "password", "required": ["grant_type"]}),
        "grants.password",
    ),
    "a shop that is required and cannot be named": (
        bent("grants", "client_credentials", "policy", to={"shop": "required"}),
        "grants.client_credentials",
    ),
    "a grant_type that cannot be sent": (
        {
            **bent("grants", to={"client_credentials": {"grant_type": "client_credentials", "required": ["client_id", "client_secret"]}}),
            "parameters": {"client_id": {}, "client_secret": {}},
        },
        "doors.0",
    ),
}


@pytest.mark.security("VN-05")
@pytest.mark.parametrize(("content", "key"), [pytest.param(*case, id=name.replace(" ", "-")) for name, case in UNUSABLE.items()])
def test_a_file_that_nobody_could_use_is_refused_at_start(tmp_path: Path, content: dict[str, Any], key: str) -> None:
    path = written(tmp_path, content)
    with pytest.raises(DialectError) as told:
        read_dialect(path)
    assert str(told.value).startswith(f"{path}: {key}")


@pytest.mark.parametrize("place", ["$expires_at|epoch_milliseconds", "$expires_at|rfc3339", "$expires_in"])
def test_a_value_that_an_answer_may_take_is_there(tmp_path: Path, place: str) -> None:
    dialect = read_dialect(written(tmp_path, bent("answers", "token", "body", to={"at": place})))
    assert dialect.plain.answers["token"].places


def test_a_file_that_cannot_be_read_or_parsed_names_itself(tmp_path: Path) -> None:
    for name, raw in (
        ("a.toml", b"name = "),
        ("a.json", b'{"name":'),
        ("b.toml", b"\xff"),
        ("b.json", b"\xff"),
        ("c.json", b"[]"),
        ("d.json", b"[" * 50_000),
    ):
        path = tmp_path / name
        path.write_bytes(raw)
        with pytest.raises(DialectError) as told:
            read_dialect(path)
        assert str(told.value).startswith(f"{path}: ")
    with pytest.raises(DialectError, match=r"missing\.toml: No such file or directory"):
        read_dialect(tmp_path / "missing.toml")
    (tmp_path / "only").mkdir()
    (tmp_path / "only" / "folder.toml").mkdir()
    with pytest.raises(DialectError, match=r"folder\.toml: "):
        load_dialects(tmp_path / "only")


def test_a_json_file_with_a_member_twice_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "mini.json"
    path.write_text('{"name":"mini","name":"mini"}', encoding="utf-8")
    with pytest.raises(DialectError, match=r"mini\.json: .*name.* twice"):
        read_dialect(path)


def test_two_files_of_one_name_are_refused(tmp_path: Path) -> None:
    written(tmp_path, bent("name", to="hex"))
    with pytest.raises(DialectError, match="two dialect files are called hex"):
        load_dialects(tmp_path)


# -- options ---------------------------------------------------------------------------------------------------------------------


def test_an_option_changes_what_it_names_and_leaves_the_rest(tmp_path: Path) -> None:
    content = bent(
        "options",
        to={
            "shape": {"flat": {"answers": {"token": {"body": {"flat": "$access_token"}, "status": 201}}}},
            "long": {"true": {"policy": {"access_token_expires_in": 7200}, "grants": {"refresh_token": {"refresh_rule": "reuse"}}}},
            "words": {"few": {"errors": {"default": {"error": "no"}, "bad_scope": {"status": 403}}}},
        },
    )
    dialect = read_dialect(written(tmp_path, content))
    plain, flat, long = dialect.plain, dialect.variant({"shape": "flat"}), dialect.variant({"long": True})
    both = dialect.variant({"shape": "flat", "long": True})
    assert (flat.answers["token"].places, flat.statuses) == (plain.answers["token"].places, {"token": 201})
    assert flat.answers["token"].render({"access_token": "x"}) == b'{"flat":"x"}'
    assert flat.grants == plain.grants
    assert long.grants["client_credentials"].alone.access_token_expires_in == 7200
    assert long.grants["client_credentials"].alone.refresh_rule is RefreshRule.ROTATE
    assert long.grants["refresh_token"].alone.refresh_rule is RefreshRule.REUSE
    assert both.answers["token"].render({"access_token": "x"}) == b'{"flat":"x"}'
    assert both.grants == long.grants
    words = dialect.variant({"words": "few"})
    assert (words.errors[Cause.BAD_SCOPE].status, words.errors[Cause.BAD_SCOPE].error) == (403, "no")
    assert (words.errors[Cause.BAD_CODE].status, words.errors[Cause.BAD_CODE].error) == (400, "no")


def test_an_option_that_is_false_or_unknown_changes_nothing() -> None:
    dialect = load_dialects()["hex"]
    assert dialect.variant({}) is dialect.plain
    assert dialect.variant({"always_http_200": False}) is dialect.plain
    assert dialect.variant({"always_http_200": "false"}) is dialect.plain
    assert dialect.variant({"nothing": "of the kind"}) is dialect.plain
    assert dialect.variant({"always_http_200": True}) is dialect.variant({"always_http_200": "true"}) is not dialect.plain


@pytest.mark.parametrize(
    ("dialect", "options", "problem"),
    [
        ("hex", {}, None),
        ("hex", {"always_http_200": True, "expires_format": "epoch"}, None),
        ("hex", {"always_http_200": False}, None),
        ("hex", {"expires_format": "weeks"}, "the option expires_format is one of epoch, not 'weeks'"),
        ("hex", {"expires_format": True}, "the option expires_format is one of epoch, not 'true'"),
        ("hex", {"envelope": "rageframe"}, "the dialect hex has no option envelope: it has always_http_200, expires_format"),
        ("youzan", {"envelope": "rageframe"}, "the dialect youzan has no option envelope"),
        ("fantem", {"refresh_rule": "rotate"}, None),
        ("open_platform", {"envelope": "rageframe"}, None),
        ("standard", {"profile": "legacy"}, None),
    ],
)
def test_what_is_wrong_with_a_clients_options_is_said(dialect: str, options: dict[str, str | bool], problem: str | None) -> None:
    assert load_dialects()[dialect].option_problem(options) == problem


def test_an_error_answer_says_its_own_words_or_those_of_the_refusal(tmp_path: Path) -> None:
    content = bent("answers", "error", "body", to={"e": "$error", "d": "$description"})
    content["errors"] = {"bad_scope": {"description": "no such scope", "error": "scope", "status": 422}}
    errors = read_dialect(written(tmp_path, content)).plain.errors
    assert (errors[Cause.BAD_SCOPE].status, errors[Cause.BAD_SCOPE].error, errors[Cause.BAD_SCOPE].description) == (
        422,
        "scope",
        "no such scope",
    )
    assert errors[Cause.BAD_CODE].description is None
