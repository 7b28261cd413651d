"""Shops: the partners' own units that a token may act for."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from app.admin.fields import Fields, Refused
from app.admin.operator import Change, Desk, Expected, Operator, Status, changed, text_of, unknown
from app.core.secrets import new_id
from app.dialects import Dialects
from app.models import Shop

View = dict[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class ShopDeclaration:
    """What is declared of a shop; what is ``None`` is not declared."""

    dialect: str
    code: str
    name: str | None = None
    disabled: bool | None = None


def declare_shop(values: Mapping[str, object], dialects: Dialects) -> ShopDeclaration:
    """Read what is declared of a shop.

    Raises:
        Refused: with the first key that cannot be, and why.
    """
    fields = Fields(values)
    fields.allow(("dialect", "code", "name", "disabled"))
    dialect = fields.required("dialect", 64)
    if dialect not in dialects.by_name:
        raise Refused("dialect", f"there is no dialect {dialect}: there are {', '.join(dialects.by_name)}")
    parameter = next((one for one in dialects[dialect].parameters.values() if one.means == "shop"), None)
    if parameter is None:
        raise Refused("dialect", f"the dialect {dialect} knows no shops")
    code = fields.required("code", 200)
    if code != code.strip() or not parameter.accepts(code):
        raise Refused("code", f"{code} has not the form that {parameter.name} has in the dialect {dialect}")
    return ShopDeclaration(dialect=dialect, code=code, name=fields.text("name", 200), disabled=fields.truth("disabled"))


def _members(shop: Shop) -> View:
    return {"dialect": shop.dialect, "code": shop.code, "name": shop.name, "disabled_at": text_of(shop.disabled_at)}


def view(shop: Shop) -> View:
    """Return what may be shown of a shop."""
    return {"id": shop.id, **_members(shop), "created_at": text_of(shop.created_at)}


def find(desk: Desk, dialect: str, code: str) -> Shop:
    """Return a shop.

    Raises:
        Mistake: there is none.
    """
    shop = desk.catalog.shop(dialect, code)
    if shop is None:
        raise unknown(f"shop {code} in the dialect {dialect}")
    return shop


def granted(desk: Desk, dialect: str, code: str) -> Shop:
    """Return a shop that a client's declaration names.

    Raises:
        Refused: there is none.
    """
    shop = desk.catalog.shop(dialect, code)
    if shop is None:
        raise Refused("shops", f"there is no shop {code} in the dialect {dialect}: declare it first")
    return shop


def put(desk: Desk, declared: ShopDeclaration, expected: Expected = Expected.EITHER) -> Change:
    """Store a shop, or change it where the declaration differs from what is there.

    Raises:
        Mistake: it is there and should not be, or the other way round.
    """
    there = desk.catalog.shop(declared.dialect, declared.code)
    expected.check(there, f"shop {declared.code} in the dialect {declared.dialect}")
    shop = there or Shop(id=new_id(), dialect=declared.dialect, code=declared.code, created_at=desk.now)
    if declared.name is not None:
        shop = replace(shop, name=declared.name or None)
    if declared.disabled is not None and declared.disabled != (shop.disabled_at is not None):
        shop = replace(shop, disabled_at=desk.now if declared.disabled else None)
    return _stored(desk, there, shop, "shop.update" if there else "shop.create")


def _stored(desk: Desk, there: Shop | None, shop: Shop, action: str) -> Change:
    name = f"{shop.dialect} {shop.code}"
    if shop == there:
        return Change(noun="shop", name=name, status=Status.UNCHANGED)
    desk.catalog.put_shop(shop)
    before = _members(there) if there else None
    desk.note(action, f"shop {name}", before, _members(shop))
    members = changed(before, _members(shop)) if before else ()
    return Change(noun="shop", name=name, status=Status.UPDATED if there else Status.CREATED, members=members)


async def create_shop(operator: Operator, values: Mapping[str, object]) -> Change:
    """Store a new shop.

    Raises:
        Mistake: a value cannot be, or it is there already.
    """
    declared = declare_shop(values, operator.dialects)
    return await operator.transact(lambda desk: put(desk, declared, Expected.NEW))


async def update_shop(operator: Operator, values: Mapping[str, object]) -> Change:
    """Change a shop, which its dialect and code name; an empty name clears it.

    Raises:
        Mistake: a value cannot be, or there is no such shop.
    """
    declared = declare_shop(values, operator.dialects)
    return await operator.transact(lambda desk: put(desk, declared, Expected.THERE))


async def list_shops(operator: Operator, dialect: str | None = None) -> list[View]:
    """Return the shops of one dialect, or of all, by dialect and code; of very many, as :meth:`app.admin.Operator.read` does.

    Raises:
        Mistake: there is no such dialect.
    """
    if dialect is not None and dialect not in operator.dialects.by_name:
        raise unknown(f"dialect {dialect}: there are {', '.join(operator.dialects.by_name)}")

    names = [dialect] if dialect else sorted(operator.dialects.by_name)
    return await operator.read(*(partial(_page, name) for name in names))


def _page(dialect: str, desk: Desk, after: str | None) -> Iterator[tuple[str, View]]:
    return ((shop.code, view(shop)) for shop in desk.catalog.shops(dialect, after))


async def show_shop(operator: Operator, dialect: str, code: str) -> View:
    """Return one shop.

    Raises:
        Mistake: there is none.
    """
    return await operator.look(lambda desk: view(find(desk, dialect, code)))


async def disable_shop(operator: Operator, dialect: str, code: str) -> Change:
    """Refuse every token of a shop, at once and until it is enabled again.

    Raises:
        Mistake: there is no such shop.
    """
    return await operator.transact(lambda desk: _set_disabled(desk, find(desk, dialect, code), desk.now))


async def enable_shop(operator: Operator, dialect: str, code: str) -> Change:
    """Serve a disabled shop again.

    Raises:
        Mistake: there is no such shop.
    """
    return await operator.transact(lambda desk: _set_disabled(desk, find(desk, dialect, code), None))


def _set_disabled(desk: Desk, shop: Shop, at: datetime | None) -> Change:
    same = (shop.disabled_at is None) == (at is None)
    return _stored(desk, shop, shop if same else replace(shop, disabled_at=at), "shop.disable" if at else "shop.enable")
