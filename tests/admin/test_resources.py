"""Resources: declared, changed, disabled; and what clients are registered with of them and of their tokens."""

import tomllib

import pytest

from app.admin import (
    Operator,
    Refused,
    Status,
    apply,
    create_client,
    create_resource,
    disable_resource,
    enable_resource,
    list_resources,
    parse_document,
    show_client,
    show_resource,
    update_client,
    update_resource,
)
from app.admin.registration import declare_client
from app.admin.resources import declare_resource
from app.core.mistakes import Mistake
from app.dialects import Dialects
from tests.admin.conftest import audit, standard_client

ORDERS = "https://orders.example.com/"
DECLARED = {"uri": ORDERS, "scopes": ["orders", "refunds"]}


async def test_a_resource_is_created_changed_and_disabled(operator: Operator) -> None:
    await create_client(operator, standard_client(client_id="orders-api"))
    assert (await create_resource(operator, {**DECLARED, "name": "Orders"})).status is Status.CREATED
    with pytest.raises(Mistake, match=f"resource {ORDERS} is there already"):
        await create_resource(operator, DECLARED)
    assert (await update_resource(operator, DECLARED)).status is Status.UNCHANGED
    changed = await update_resource(operator, {"uri": ORDERS, "introspection_client": "orders-api", "scopes": ["orders"]})
    assert changed.members == ("scopes", "introspection_client")
    assert await show_resource(operator, ORDERS) == {
        "uri": ORDERS,
        "name": "Orders",
        "scopes": ["orders"],
        "introspection_client": "orders-api",
        "disabled_at": None,
    }
    assert (await update_resource(operator, {"uri": ORDERS, "name": "", "introspection_client": ""})).members == (
        "name",
        "introspection_client",
    )
    assert (await disable_resource(operator, ORDERS)).members == ("disabled_at",)
    assert (await disable_resource(operator, ORDERS)).status is Status.UNCHANGED
    assert (await enable_resource(operator, ORDERS)).members == ("disabled_at",)
    await create_resource(operator, {"uri": "urn:a", "scopes": ["a"]})
    assert [view["uri"] for view in await list_resources(operator)] == [ORDERS, "urn:a"]
    actions = {event.action for event in await audit(operator) if event.subject == f"resource {ORDERS}"}
    assert actions == {"resource.create", "resource.update", "resource.disable", "resource.enable"}


async def test_what_is_not_there_is_told(operator: Operator) -> None:
    for act in (show_resource, disable_resource, enable_resource):
        with pytest.raises(Mistake, match="there is no resource urn:x"):
            await act(operator, "urn:x")
    with pytest.raises(Mistake, match="there is no resource urn:x"):
        await update_resource(operator, {"uri": "urn:x"})


@pytest.mark.security("JW-02")
@pytest.mark.rfc("8707", "2")
@pytest.mark.parametrize(
    ("values", "key"),
    [
        ({}, "uri"),
        ({"uri": ""}, "uri"),
        ({"uri": "orders"}, "uri"),
        ({"uri": "https://orders.example.com/#x"}, "uri"),
        ({"uri": "https://orders.example.com/a b"}, "uri"),
        ({"uri": "urn:" + "x" * 400}, "uri"),
        ({"uri": 5}, "uri"),
        ({"uri": ORDERS, "scopes": []}, "scopes"),
        ({"uri": ORDERS, "scopes": "orders"}, "scopes"),
        ({"uri": ORDERS, "scopes": ["two words"]}, "scopes"),
        ({"uri": ORDERS, "scopes": ['quo"te']}, "scopes"),
        ({"uri": ORDERS, "scopes": ["orders", "openid"]}, "scopes"),
        ({"uri": ORDERS, "scopes": ["email"]}, "scopes"),
        ({"uri": ORDERS, "name": "x" * 201}, "name"),
        ({"uri": ORDERS, "introspection_client": " x"}, "introspection_client"),
        ({"uri": ORDERS, "secret": "x"}, "secret"),
    ],
)
def test_a_resource_that_cannot_be_is_refused_with_its_key(values: dict[str, object], key: str) -> None:
    with pytest.raises(Refused) as caught:
        declare_resource(values)
    assert caught.value.key == key


async def test_a_resource_needs_scopes_and_a_client_that_can_authenticate(operator: Operator) -> None:
    with pytest.raises(Refused, match="scopes: is missing"):
        await create_resource(operator, {"uri": ORDERS})
    with pytest.raises(Refused, match="introspection_client: there is no client nobody"):
        await create_resource(operator, {**DECLARED, "introspection_client": "nobody"})
    public = {"client_id": "spa", "token_endpoint_auth_method": "none", "redirect_uris": ["https://a.example/cb"]}
    await create_client(operator, public)
    with pytest.raises(Refused, match="introspection_client: the client spa is public"):
        await create_resource(operator, {**DECLARED, "introspection_client": "spa"})


FILE = """
[[resources]]
uri = "https://orders.example.com/"
scopes = ["orders"]
introspection_client = "orders-api"
[[clients]]
client_id = "orders-api"
grant_types = []
[[clients]]
client_id = "app"
grant_types = ["client_credentials"]
default_resources = ["https://orders.example.com/"]
access_token_format = "jwt"
"""


async def test_a_file_declares_resources_and_who_uses_them_in_any_order(operator: Operator) -> None:
    document = parse_document(tomllib.loads(FILE), "file.toml", operator.dialects)
    changes = await apply(operator, document)
    assert [(change.noun, change.status) for change in changes] == [
        ("client", Status.CREATED),
        ("client", Status.CREATED),
        ("resource", Status.CREATED),
    ]
    assert {change.status for change in await apply(operator, document)} == {Status.UNCHANGED}
    view = await show_client(operator, "app")
    assert (view["default_resources"], view["access_token_format"]) == ([ORDERS], "jwt")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            'default_resources = ["https://orders',
            'default_resources = ["https://other',
            "[[clients]] 2 (app): default_resources: there is no",
        ),
        ('introspection_client = "orders-api"', 'introspection_client = "x"', "introspection_client: there is no client x"),
        ('scopes = ["orders"]', "", "[[resources]] 1 (https://orders.example.com/): scopes: is missing"),
        ('uri = "https://orders.example.com/"', 'uri = "orders"', "[[resources]] 1 (orders): uri: "),
    ],
)
async def test_a_file_that_cannot_be_changes_nothing(operator: Operator, old: str, new: str, said: str) -> None:
    with pytest.raises(Mistake) as caught:
        await apply(operator, parse_document(tomllib.loads(FILE.replace(old, new)), "file.toml", operator.dialects))
    assert said in str(caught.value)
    assert await list_resources(operator) == []


async def test_a_client_names_default_resources_that_are_there(operator: Operator) -> None:
    with pytest.raises(Refused, match="default_resources: there is no resource urn:x"):
        await create_client(operator, standard_client(default_resources=["urn:x"]))
    await create_resource(operator, DECLARED)
    await create_client(operator, standard_client(default_resources=[ORDERS]))
    with pytest.raises(Refused, match="default_resources: there is no resource urn:x"):
        await update_client(operator, "service", {"default_resources": [ORDERS, "urn:x"]})
    assert (await show_client(operator, "service"))["default_resources"] == [ORDERS]
    assert (await update_client(operator, "service", {"default_resources": f"{ORDERS}  {ORDERS}"})).status is Status.UNCHANGED
    assert (await update_client(operator, "service", {"default_resources": []})).members == ("default_resources",)


@pytest.mark.security("KY-05")
@pytest.mark.parametrize(
    ("values", "key"),
    [
        ({"access_token_format": "xml"}, "access_token_format"),
        ({"access_token_signed_response_alg": "none"}, "access_token_signed_response_alg"),
        ({"access_token_signed_response_alg": "HS256"}, "access_token_signed_response_alg"),
        ({"introspection_signed_response_alg": "none"}, "introspection_signed_response_alg"),
        ({"introspection_signed_response_alg": "PS256"}, "introspection_signed_response_alg"),
        ({"default_resources": ["orders"]}, "default_resources"),
        ({"default_resources": [f"urn:{number}" for number in range(11)]}, "default_resources"),
        ({"default_resources": 5}, "default_resources"),
    ],
)
def test_metadata_of_tokens_that_cannot_be_is_refused_with_its_key(dialects: Dialects, values: dict[str, object], key: str) -> None:
    with pytest.raises(Refused) as caught:
        declare_client(values, dialects)
    assert caught.value.key == key


async def test_tokens_of_partners_stay_as_their_documents_say(operator: Operator) -> None:
    for key, value in (("access_token_format", "jwt"), ("default_resources", ["urn:x"]), ("access_token_signed_response_alg", "ES256")):
        with pytest.raises(Refused, match=f"{key}: is for clients of the standard server"):
            await create_client(operator, {"client_id": "partner", "dialect": "hex", key: value})
    await create_client(operator, {"client_id": "partner", "dialect": "hex", "introspection_signed_response_alg": "ES256"})
    assert (await show_client(operator, "partner"))["introspection_signed_response_alg"] == "ES256"
