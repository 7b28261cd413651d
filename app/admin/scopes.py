"""Scopes: their names, and the words that people read for them."""

from collections.abc import Mapping
from dataclasses import dataclass

from app.admin.fields import Fields, Refused
from app.admin.operator import Change, Desk, Expected, Operator, Status, changed, unknown
from app.core.scopes import is_well_formed
from app.models import Scope

View = dict[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScopeDeclaration:
    """What is declared of a scope; a ``title`` of ``None`` is not declared."""

    name: str
    title: Mapping[str, str] | None = None


def declare_scope(values: Mapping[str, object]) -> ScopeDeclaration:
    """Read what is declared of a scope.

    Raises:
        Refused: with the first key that cannot be, and why.
    """
    fields = Fields(values)
    fields.allow(("name", "title"))
    name = fields.required("name", 200)
    if " " in name or not is_well_formed(name):
        raise Refused("name", "a scope takes visible ASCII characters, without a space, a quote or a backslash")
    return ScopeDeclaration(name=name, title=fields.words("title", 400))


def view(scope: Scope) -> View:
    """Return what may be shown of a scope."""
    return {"name": scope.name, "title": dict(scope.title)}


def put(desk: Desk, declared: ScopeDeclaration, expected: Expected = Expected.EITHER) -> Change:
    """Store a scope, or change it where the declaration differs from what is there; an empty text takes a language away.

    Raises:
        Mistake: it is there and should not be, or the other way round.
    """
    there = desk.catalog.scope(declared.name)
    expected.check(there, f"scope {declared.name}")
    title = {**(there.title if there else {}), **(declared.title or {})}
    scope = Scope(name=declared.name, title={language: text for language, text in title.items() if text})
    if scope == there:
        return Change(noun="scope", name=scope.name, status=Status.UNCHANGED)
    desk.catalog.put_scope(scope)
    before = view(there) if there else None
    desk.note("scope.update" if there else "scope.create", f"scope {scope.name}", before, view(scope))
    members = changed(before, view(scope)) if before else ()
    return Change(noun="scope", name=scope.name, status=Status.UPDATED if there else Status.CREATED, members=members)


async def create_scope(operator: Operator, values: Mapping[str, object]) -> Change:
    """Store a new scope.

    Raises:
        Mistake: a value cannot be, or it is there already.
    """
    declared = declare_scope(values)
    return await operator.transact(lambda desk: put(desk, declared, Expected.NEW))


async def update_scope(operator: Operator, values: Mapping[str, object]) -> Change:
    """Change the words of a scope.

    Raises:
        Mistake: a value cannot be, or there is no such scope.
    """
    declared = declare_scope(values)
    return await operator.transact(lambda desk: put(desk, declared, Expected.THERE))


async def list_scopes(operator: Operator) -> list[View]:
    """Return all scopes by name."""
    return await operator.look(lambda desk: [view(scope) for scope in desk.catalog.scopes()])


async def show_scope(operator: Operator, name: str) -> View:
    """Return one scope.

    Raises:
        Mistake: there is none.
    """

    def work(desk: Desk) -> View:
        scope = desk.catalog.scope(name)
        if scope is None:
            raise unknown(f"scope {name}")
        return view(scope)

    return await operator.look(work)
