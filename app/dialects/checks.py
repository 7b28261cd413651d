"""What a dialect file must hold beyond the form of its keys: that its parameters, grants and doors go together."""

from collections.abc import Mapping
from typing import Final

from app.core.policy import ShopRule
from app.dialects.dialect import GRANT_TYPES, grants_behind, option_text
from app.dialects.file import AuthorizationDoorTable, DialectTables, DoorTable
from app.dialects.quirks import quirk_problem
from app.messages import Endpoint

_WORDS: Final = frozenset({"grant_type", "client_id", "client_secret", "client_name", "code", "redirect_uri", "code_verifier"}) | {
    *("client_assertion", "client_assertion_type"),
    *("refresh_token", "username", "password", "scope", "shop", "token", "token_type_hint"),
    *("response_type", "response_mode", "state", "code_challenge", "code_challenge_method", "request", "request_uri"),
    *("prompt", "max_age", "login_hint", "ui_locales", "display", "nonce", "acr_values", "claims", "id_token_hint", "resource"),
}
"""What a parameter may mean to the engine."""
_CANNOT_DO_WITHOUT: Final = {
    "authorization_code": ("code",),
    "client_credentials": (),
    "implicit": (),
    "password": ("username", "password"),
    "refresh_token": ("refresh_token",),
}


_OWN: Final = frozenset({"/account", "/consent", "/login", "/logout", "/reset", "/healthz", "/livez", "/readyz", "/openapi.json"}) | {
    *("/account/passkeys", "/account/password", "/account/second-factor", "/login/cancel", "/login/second-factor"),
}
_OWN_BELOW: Final = ("/.well-known/", "/static/", "/sandbox/", "/n/")
"""Paths that are the server's own, or a sandbox's."""


class Problem(Exception):  # noqa: N818 (becomes a DialectError where the file is known)
    """A key and what is wrong with it."""


def check(tables: DialectTables) -> None:
    """Check what a dialect declares.

    Raises:
        Problem: something in it cannot be so.
    """
    _check_parameters(tables)
    _check_grants(tables)
    _check_doors(tables)
    _check_needs(tables)
    if (problem := quirk_problem(tables)) is not None:
        raise Problem(problem)


def _check_parameters(tables: DialectTables) -> None:
    """A parameter's meaning is a word of the engine's, and no other parameter has it."""
    meanings: dict[str, str] = {}
    for name, parameter in tables.parameters.items():
        if parameter.means is not None and parameter.means not in _WORDS:
            raise Problem(f"parameters.{name}.means: {parameter.means} is none of {', '.join(sorted(_WORDS))}")
        if parameter.means not in {None, name} and name in _WORDS:
            raise Problem(f"parameters.{name}.means: {name} has a meaning of its own and cannot stand for {parameter.means}")
        other = meanings.setdefault(parameter.means or name, name)
        if other != name:
            raise Problem(f"parameters.{name}: means the same as {other}")


def _check_needs(tables: DialectTables) -> None:
    """What a grant or door cannot do without must be among what is required."""
    means = {name: parameter.means or name for name, parameter in tables.parameters.items()}
    for word, grant in tables.grants.items():
        required = {means[name] for name in grant.required}
        shop = {**tables.policy, **grant.policy}.get("shop")
        demanded = (*_CANNOT_DO_WITHOUT[grant.grant_type], *(["shop"] if shop == ShopRule.REQUIRED else []))
        lacking = next((one for one in demanded if one not in required), None)
        if lacking is not None:
            raise Problem(f"grants.{word}.required: none of them means {lacking}")
        if shop == ShopRule.PICKED and grant.grant_type not in GRANT_TYPES.values():
            raise Problem(f"grants.{word}.policy.shop: no person is there to pick one")
        if shop == ShopRule.PICKED and "shop" not in means.values():
            raise Problem(f"grants.{word}.policy.shop: no parameter means shop, so that none can be registered")
    for index, door in enumerate(tables.doors):
        if isinstance(door, AuthorizationDoorTable):
            _check_names_of_request(index, door, means)
        elif (
            isinstance(door, DoorTable) and door.endpoint is Endpoint.TOKEN and door.sends_grant_type and "grant_type" not in means.values()
        ):
            raise Problem(f"doors.{index}: no parameter means grant_type")


def _check_names_of_request(index: int, door: AuthorizationDoorTable, means: Mapping[str, str]) -> None:
    """A door for browsers must be told the client, and the response type unless its path says it."""
    required, optional = {means[name] for name in door.required}, {means[name] for name in door.optional}
    if "client_id" not in required:
        raise Problem(f"doors.{index}.required: none of them means client_id")
    if "response_type" not in required and (len(door.response_types) > 1 or "response_type" in optional):
        raise Problem(f"doors.{index}.required: none of them means response_type")


def _check_grants(tables: DialectTables) -> None:
    for word, grant in tables.grants.items():
        for name in [*grant.required, *grant.optional]:
            if name not in tables.parameters:
                raise Problem(f"grants.{word}: the parameter {name} is not among the parameters")
        for option, value in grant.requires_option.items():
            if option_text(value) not in tables.options.get(option, {}):
                raise Problem(f"grants.{word}.requires_option: there is no option {option} = {option_text(value)}")
    for word in tables.default_grant_types or []:
        if word not in tables.grants:
            raise Problem(f"default_grant_types: there is no grant {word}")


def _check_doors(tables: DialectTables) -> None:
    for index, door in enumerate(tables.doors):
        if isinstance(door, AuthorizationDoorTable):
            _check_authorization_door(index, door, tables)
        elif isinstance(door, DoorTable):
            _check_machine_door(index, door, tables)
        if door.path in _OWN or f"{door.path}/".startswith(_OWN_BELOW):
            raise Problem(f"doors.{index}.path: {door.path} is the server's own: the door needs another path")
    paths = [door.path for door in tables.doors]
    if len(set(paths)) != len(paths):
        raise Problem("doors: two of them have the same path")


def _check_machine_door(index: int, door: DoorTable, tables: DialectTables) -> None:
    unknown = set(door.grants or []) - set(tables.grants)
    if unknown:
        raise Problem(f"doors.{index}.grants: there is no grant {', '.join(sorted(unknown))}")
    if any(tables.grants[word].grant_type == "implicit" for word in door.grants or []):
        raise Problem(f"doors.{index}.grants: the implicit grant belongs to an authorization door, by response_types")
    if not door.sends_grant_type and len(door.grants or []) != 1:
        raise Problem(f"doors.{index}.sends_grant_type: a door that is sent no grant_type has exactly one grant")
    if door.parameters_first and door.sends_grant_type:
        raise Problem(f"doors.{index}.parameters_first: is for a door that is sent no grant_type")
    if door.endpoint is Endpoint.TOKEN and not tables.grants:
        raise Problem(f"doors.{index}: a token door needs a grant")


def _check_authorization_door(index: int, door: AuthorizationDoorTable, tables: DialectTables) -> None:
    for key, names in (
        ("required", door.required),
        ("optional", door.optional),
        ("repeatable", door.repeatable),
        ("descriptions", door.descriptions),
    ):
        for name in names:
            if name not in tables.parameters:
                raise Problem(f"doors.{index}.{key}: the parameter {name} is not among the parameters")
    for response_type in door.response_types:
        for grant_type in grants_behind(response_type):
            if not any(grant.grant_type == grant_type for grant in tables.grants.values()):
                raise Problem(f"doors.{index}.response_types: {response_type} needs a grant whose grant_type is {grant_type}")
        if response_type not in {"code", "token"} and not _yields_id_tokens(tables, GRANT_TYPES[response_type]):
            raise Problem(f"doors.{index}.response_types: {response_type} is of OpenID Connect: its grant needs the policy id_token = true")


def _yields_id_tokens(tables: DialectTables, grant_type: str) -> bool:
    grant = next(grant for grant in tables.grants.values() if grant.grant_type == grant_type)
    return {**tables.policy, **grant.policy}.get("id_token") is True
