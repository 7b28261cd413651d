"""The flows of the playground as they stand in their file, checked against the dialects."""

import tomllib
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from app.dialects.file import Words


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
    """A flow: what a client does, one step after the other."""

    dialect: str
    client: str
    title: Words
    about: Words
    steps: Annotated[list[StepTable], Field(min_length=1)]


class FlowsTable(_Table):
    """The whole file; ``headers`` describes the ways to fill in ``Authorization``."""

    headers: dict[str, Words]
    flows: dict[str, FlowTable]


@cache
def flows() -> FlowsTable:
    """Return all flows."""
    return FlowsTable.model_validate(tomllib.loads(Path(__file__).with_name("flows.toml").read_text(encoding="utf-8")))
