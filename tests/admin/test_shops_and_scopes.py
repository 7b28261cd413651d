"""Shops and scopes."""

import pytest

from app.admin import (
    Operator,
    Refused,
    Status,
    create_scope,
    create_shop,
    disable_shop,
    enable_shop,
    list_scopes,
    list_shops,
    show_scope,
    show_shop,
    update_scope,
    update_shop,
)
from app.admin.scopes import declare_scope
from app.admin.shops import declare_shop
from app.core.mistakes import Mistake
from app.dialects import Dialects
from tests.admin.conftest import audit


async def test_a_shop_is_created_changed_and_disabled(operator: Operator) -> None:
    shop = {"dialect": "youzan", "code": "88888"}
    assert (await create_shop(operator, {**shop, "name": "Demo shop"})).status is Status.CREATED
    assert (await update_shop(operator, {**shop, "name": "店铺"})).members == ("name",)
    assert (await update_shop(operator, shop)).status is Status.UNCHANGED
    assert (await disable_shop(operator, "youzan", "88888")).members == ("disabled_at",)
    assert (await disable_shop(operator, "youzan", "88888")).status is Status.UNCHANGED
    view = await show_shop(operator, "youzan", "88888")
    assert (view["name"], view["disabled_at"]) == ("店铺", "2026-11-22T01:05:27Z")
    await enable_shop(operator, "youzan", "88888")
    assert (await show_shop(operator, "youzan", "88888"))["disabled_at"] is None
    assert {event.action for event in await audit(operator)} == {"shop.create", "shop.update", "shop.disable", "shop.enable"}
    with pytest.raises(Mistake, match="shop 88888 in the dialect youzan is there already"):
        await create_shop(operator, shop)
    with pytest.raises(Mistake, match="there is no shop 1 in the dialect youzan"):
        await show_shop(operator, "youzan", "1")


async def test_shops_are_listed_by_dialect_and_code(operator: Operator) -> None:
    for dialect, code in (("youzan", "2"), ("hex", "B"), ("hex", "A")):
        await create_shop(operator, {"dialect": dialect, "code": code})
    assert [(view["dialect"], view["code"]) for view in await list_shops(operator)] == [("hex", "A"), ("hex", "B"), ("youzan", "2")]
    assert [view["code"] for view in await list_shops(operator, "youzan")] == ["2"]
    with pytest.raises(Mistake, match="there is no dialect klingon"):
        await list_shops(operator, "klingon")


@pytest.mark.parametrize(
    ("values", "key"),
    [
        ({"code": "1"}, "dialect"),
        ({"dialect": "klingon", "code": "1"}, "dialect"),
        ({"dialect": "standard", "code": "1"}, "dialect"),
        ({"dialect": "youzan"}, "code"),
        ({"dialect": "youzan", "code": ""}, "code"),
        ({"dialect": "youzan", "code": "0123"}, "code"),
        ({"dialect": "youzan", "code": "9223372036854775808"}, "code"),
        ({"dialect": "youzan", "code": "\uff11\uff12"}, "code"),
        ({"dialect": "youzan", "code": 88888}, "code"),
        ({"dialect": "hex", "code": " S001"}, "code"),
        ({"dialect": "hex", "code": "S001", "owner": "x"}, "owner"),
    ],
)
def test_a_shop_that_cannot_be_is_refused_with_its_key(dialects: Dialects, values: dict[str, object], key: str) -> None:
    with pytest.raises(Refused) as caught:
        declare_shop(values, dialects)
    assert caught.value.key == key


async def test_a_scope_has_words_in_several_languages(operator: Operator) -> None:
    await create_scope(operator, {"name": "orders", "title": {"en": "See your orders"}})
    assert (await update_scope(operator, {"name": "orders", "title": {"zh": "查看您的订单"}})).members == ("title",)
    assert await show_scope(operator, "orders") == {"name": "orders", "title": {"en": "See your orders", "zh": "查看您的订单"}}
    await update_scope(operator, {"name": "orders", "title": {"en": ""}})
    assert await list_scopes(operator) == [{"name": "orders", "title": {"zh": "查看您的订单"}}]
    assert (await update_scope(operator, {"name": "orders"})).status is Status.UNCHANGED
    with pytest.raises(Mistake, match="there is no scope items"):
        await show_scope(operator, "items")
    with pytest.raises(Mistake, match="there is no scope items"):
        await update_scope(operator, {"name": "items"})


@pytest.mark.parametrize(
    ("values", "key"),
    [
        ({}, "name"),
        ({"name": "two words"}, "name"),
        ({"name": 'quo"te'}, "name"),
        ({"name": "x", "title": "X"}, "title"),
        ({"name": "x", "title": {"English": "X"}}, "title"),
        ({"name": "x", "title": {"en": 1}}, "title.en"),
        ({"name": "x", "icon": "y"}, "icon"),
    ],
)
def test_a_scope_that_cannot_be_is_refused_with_its_key(values: dict[str, object], key: str) -> None:
    with pytest.raises(Refused) as caught:
        declare_scope(values)
    assert caught.value.key == key
