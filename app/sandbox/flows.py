"""The flows of the playground as they stand in their file, checked against the dialects."""

import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from app.dialects.dialect import Dialect
from app.dialects.file import Words
from app.messages import Endpoint


class _Table(BaseModel):
    """A table of the file; unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class StepTable(_Table):
    """A step: the request to one door; see the head of the file."""

    door: str = ""
    path: str = ""
    grant: str = ""
    title: Words = {}
    about: Words = {}
    sends: list[str] = []
    values: dict[str, str] = {}
    authorization: Literal["basic", "bearer"] | None = None
    visit: bool = False
    required: list[str] = []
    optional: list[str] = []
    descriptions: dict[str, Words] = {}


class FlowTable(_Table):
    """A flow: what a client does, one step after the other. Without a ``client`` it is any that speaks the dialect."""

    dialect: str
    client: str = ""
    title: Words
    about: Words = {}
    steps: Annotated[list[StepTable], Field(min_length=1)]


class FlowsTable(_Table):
    """The whole file; ``headers`` describes the ways to fill in ``Authorization``."""

    headers: dict[str, Words]
    flows: dict[str, FlowTable]


@cache
def flows() -> FlowsTable:
    """Return all flows."""
    return FlowsTable.model_validate(tomllib.loads(Path(__file__).with_name("flows.toml").read_text(encoding="utf-8")))


def flows_of(dialect: Dialect) -> Mapping[str, FlowTable]:
    """Return the flows of a dialect: those of the file or, for a dialect that an operator has added, those that its own file tells."""
    declared = {name: flow for name, flow in flows().flows.items() if flow.dialect == dialect.name}
    return declared or dict(_derived(dialect))


def _derived(dialect: Dialect) -> Iterator[tuple[str, FlowTable]]:
    """Yield a flow for each grant that needs nobody in a browser, with the refresh of what it yields."""
    doors = {word: door for door in dialect.doors if door.endpoint is Endpoint.TOKEN for word in door.grants or dialect.token_grants}
    for word, door in doors.items():
        grant, policies = dialect.grants[word], dialect.plain.grants[word]
        if grant.grant_type in {"authorization_code", "refresh_token"}:
            continue
        steps = [StepTable(door=door.path, grant=word)]
        refreshing = doors.get(dialect.refresh_grant)
        if refreshing is not None and (policies.alone.issue_refresh_token or policies.with_shop.issue_refresh_token):
            steps.append(StepTable(door=refreshing.path, grant=dialect.refresh_grant))
        yield f"{dialect.name}-{word}", FlowTable(dialect=dialect.name, title=grant.title or {"en": word}, steps=steps)
