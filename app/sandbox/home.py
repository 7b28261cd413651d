"""The page that opens: where to point an app, and what just happened."""

import itertools
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from string import Template
from typing import Final

from starlette.requests import Request

from app.dialects import quirks_on
from app.dialects.dialect import Dialect
from app.dialects.file import DoorTable
from app.models import Client
from app.sandbox.demo import PASSWORD, PLAYGROUND, USERNAME, published_secret
from app.sandbox.inspecting import is_of_interest, line_of
from app.sandbox.places import place_of
from app.sandbox.tables import words
from app.sandbox.views import ClientCard, DoorLine, HomePage, PartnerCard, QuirkLine, Snippet
from app.sandbox.worlds import World

_SHOWN: Final = 8
"""Exchanges on the page."""
_APP: Final = "demo-app"
_SERVICE: Final = "demo-service"
"""The clients of the snippets: one of a web app, one of a program."""


async def home_page(world: World, request: Request, language: str) -> HomePage:
    """Return the page that opens."""
    clients = await world.storage.look(lambda catalog: catalog.clients(limit=500))
    people = await world.storage.look(lambda catalog: catalog.user_by_login(USERNAME))
    apps = [client for client in clients if not client.client_id.startswith(PLAYGROUND)]
    return HomePage(
        place=place_of(world, request),
        username=USERNAME if people is not None else "",
        password=PASSWORD,
        partners=[_partner(dialect, apps, language) for dialect in world.operator.dialects.by_name.values()],
        snippets=list(_snippets(world.issuer, {client.client_id: client for client in apps})),
        exchanges=[line_of(recorded) for recorded in itertools.islice(filter(is_of_interest, reversed(list(world.recorder))), _SHOWN)],
    )


def _partner(dialect: Dialect, clients: list[Client], language: str) -> PartnerCard:
    return PartnerCard(
        name=dialect.name,
        title=words(dialect.tables.title, language),
        document=dialect.tables.document,
        doors=list(_doors(dialect, language)),
        clients=[_card(client, dialect, language) for client in clients if client.dialect == dialect.name],
        quirks=[QuirkLine(title=words(quirk.title, language), note=words(quirk.note, language)) for quirk in dialect.quirks.values()],
    )


def _doors(dialect: Dialect, language: str) -> Iterator[DoorLine]:
    for door in dialect.tables.doors:
        method = "POST" if isinstance(door, DoorTable) else "GET"
        yield DoorLine(method=method, path=door.path, title=words(door.title, language))


def _card(client: Client, dialect: Dialect, language: str) -> ClientCard:
    return ClientCard(
        client_id=client.client_id,
        name=client.client_name or "",
        secret=published_secret(client),
        is_public=client.is_public,
        redirect_uris=client.redirect_uris,
        scope=client.scope,
        quirks=[words(quirk.title, language) for quirk in quirks_on(dialect, client.options).values()],
    )


@cache
def _templates() -> dict[str, dict[str, str]]:
    return tomllib.loads(Path(__file__).with_name("snippets.toml").read_text(encoding="utf-8"))


def _snippets(issuer: str, clients: dict[str, Client]) -> Iterator[Snippet]:
    """Yield the snippets, for the demo clients or, where they are not here, with words in capitals for what an app has."""
    app, service = clients.get(_APP), clients.get(_SERVICE)
    values = {
        "issuer": issuer,
        "client_id": app.client_id if app is not None else "CLIENT_ID",
        "client_secret": published_secret(app) if app is not None else "CLIENT_SECRET",
        "redirect_uri": app.redirect_uris[0] if app is not None and app.redirect_uris else "REDIRECT_URI",
        "service_id": service.client_id if service is not None else "CLIENT_ID",
        "service_secret": published_secret(service) if service is not None else "CLIENT_SECRET",
    }
    for name, template in _templates().items():
        yield Snippet(name=name, title=template["title"], text=Template(template["text"].strip()).substitute(values))
