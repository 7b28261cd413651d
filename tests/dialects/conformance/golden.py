r"""Golden exchanges: requests as they are sent, and answers byte for byte.

A file of goldens is TOML. ``door`` and ``encodings`` at its top hold for all of its goldens, ``[answers]`` names answers that return.
A golden has a ``name``, the ``row`` of the contract that it shows, and perhaps rows of the security requirements; then it is one step,
or has several as ``[[golden.step]]``. What a step may say, in the order in which it is done:

``code``        issue an authorization code, as for :meth:`World.code`, and remember it as ``as`` (``code`` if it does not say)
``away``        let the storage be away at the next ``load`` or ``commit``; ``broken`` lets it fail by a defect
``lost``        let somebody else win that many of the next commits
``wait``        let that many seconds pass
``answer``      send a request and compare the answer; ``times`` waits and sends as often
``alive`` ``dead``  tokens that must, or must not, be of use afterwards

A request is ``method`` (POST) to ``door`` with ``query``, ``headers`` and ``basic`` (``client_id:secret``, sent as it stands), and with
``fields`` or ``body``. A golden with ``fields`` runs once in each of the encodings. ``crlf`` sends the lines of a body as MIME wants them.

``<<name>>`` stands for a remembered value, ``<<fill:9>>`` for that many letters, ``<<hex:ff>>`` for raw bytes, ``<<count:9>>`` for that
many fields. In an answer ``<<name:pattern>>`` is a value that is not known before: it must match, is remembered, and must be new where
its name ends in ``token``. ``<<now+7200|rfc3339>>`` is a moment in one of the forms of a template.

An answer is the status, then the headers it has beside those that every answer has, and the body as the last line.
"""

import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

import httpx
import pytest

from app.dialects.template import FORMS
from app.ledger import Receipt
from tests.fixtures.world import CHALLENGE, VERIFIER, World, basic_header

FOLDER: Final = Path(__file__).parent / "goldens"
BOUNDARY: Final = "----WebKitFormBoundary7MA4YWxkTrZu0gW"
ALWAYS: Final = {
    "content-type": "application/json",
    "cache-control": "no-store",
    "pragma": "no-cache",
    "x-content-type-options": "nosniff",
}
"""The headers of every answer; ``content-length`` and ``x-request-id`` are beside them."""
_PLACE: Final = re.compile(r"<<(.*?)>>")
_MOMENT: Final = re.compile(r"now(?:\+(\d+))?\|(\w+)")
_HEADER: Final = re.compile(r"([a-z-]+): (.*)")
_DESCRIPTION: Final = re.compile(r"[\x20-\x21\x23-\x5b\x5d-\x7e]+")
"""RFC 6749 §5.2."""


@dataclass(frozen=True)
class Golden:
    """One story at the doors, in one encoding."""

    file: str
    name: str
    row: str
    steps: tuple[Mapping[str, Any], ...]
    security: tuple[str, ...] = ()
    encoding: str = ""

    @property
    def id(self) -> str:
        words = re.sub(r"\W+", "-", self.name.lower()).strip("-")
        return "-".join(filter(None, (self.file, words, self.encoding)))

    def parameter(self) -> Any:
        return pytest.param(self, id=self.id, marks=[pytest.mark.security(row) for row in self.security])


def read_goldens(path: Path) -> Iterator[Golden]:
    """Yield the goldens of a file, each in its encodings."""
    content = tomllib.loads(path.read_text(encoding="utf-8"))
    shared = content.get("answers", {})
    for table in content["golden"]:
        steps = table.pop("step", None)
        about = {name: table.pop(name) for name in ("name", "row", "security", "encodings") if name in table}
        steps = [table | step for step in steps] if steps else [table]
        for step in steps:
            step.setdefault("door", content.get("door"))
            if step.get("answer", "").startswith("@"):
                step["answer"] = shared[step["answer"][1:]]
        encodings = about.get("encodings", content.get("encodings", ["urlencoded"])) if any("fields" in step for step in steps) else [""]
        for encoding in encodings:
            yield Golden(path.stem, about["name"], about["row"], tuple(steps), tuple(about.get("security", ())), encoding)


def all_goldens() -> list[Golden]:
    """Return the goldens of all files."""
    return [golden for path in sorted(FOLDER.glob("*.toml")) for golden in read_goldens(path)]


@dataclass
class Player:
    """Plays a golden in a world and compares what comes."""

    world: World
    memory: dict[str, str] = field(default_factory=lambda: {"verifier": VERIFIER, "challenge": CHALLENGE})

    async def play(self, golden: Golden) -> None:
        for step in golden.steps:
            await self._prepare(step)
            for _ in range(step.get("times", 1)):
                self.world.clock.move(seconds=step.get("wait", 0))
                if "answer" in step:
                    self._compare(step, await self._send(step, golden.encoding))
            for token in step.get("alive", ()):
                assert await self.world.is_alive(self._filled(token)), f"{token} should be of use"
            for token in step.get("dead", ()):
                assert not await self.world.is_alive(self._filled(token)), f"{token} should be of no use"

    async def _prepare(self, step: Mapping[str, Any]) -> None:
        if "code" in step:
            wanted = {name: self._filled(value) for name, value in step["code"].items()}
            if wanted.get("redirect_uri") == "":
                wanted["redirect_uri"] = None  # type: ignore[assignment]  # the request sends none
            name = wanted.pop("as", "code")
            self.memory[name] = await self.world.code(**wanted)
        if "away" in step:
            self.world.away(step["away"])
        if "broken" in step:
            self.world.away(step["broken"], RuntimeError("a defect"))
        self.world.storage.commits.extend(Receipt(won=False) for _ in range(step.get("lost", 0)))

    async def _send(self, step: Mapping[str, Any], encoding: str) -> httpx.Response:
        headers = {name: self._filled(value) for name, value in step.get("headers", {}).items()}
        if "basic" in step:
            headers["Authorization"] = basic_header(*step["basic"].split(":", 1))
        body = self._bytes(step.get("body", ""), crlf=step.get("crlf", False))
        if "fields" in step:
            content_type, body = _encoded({name: self._filled(value) for name, value in step["fields"].items()}, encoding)
            headers.setdefault("Content-Type", content_type)
        door = step["door"] + (f"?{step['query']}" if "query" in step else "")
        return await self.world.send(step.get("method", "POST"), self._filled(door), headers=headers, content=body)

    def _bytes(self, body: str, *, crlf: bool) -> bytes:
        raw = (body.replace("\n", "\r\n") if crlf else body).encode()
        return re.sub(rb"<<hex:([0-9a-f]+)>>", lambda match: bytes.fromhex(match[1].decode()), self._filled(raw.decode()).encode())

    def _filled(self, text: str) -> str:
        def value(match: re.Match[str]) -> str:
            name, _, argument = match[1].partition(":")
            if name == "fill":
                return "a" * int(argument)
            if name == "count":
                return "&".join(f"n{number}=1" for number in range(int(argument)))
            return match[0] if name == "hex" else self.memory[name]

        return _PLACE.sub(value, text)

    def _compare(self, step: Mapping[str, Any], answer: httpx.Response) -> None:
        lines = step["answer"].strip("\n").split("\n")
        status, body = int(lines[0]), lines[-1] if lines[-1].startswith("{") else ""
        headers = ALWAYS | {match[1]: match[2] for line in lines[1:] if (match := _HEADER.fullmatch(line))}
        came = answer.content.decode("utf-8")
        assert answer.status_code == status, came
        self._compare_body(body, came)
        found = dict(answer.headers.multi_items())
        assert len(found) == len(answer.headers.multi_items()), "a header stands there twice"
        assert re.fullmatch(r"[0-9a-f]{14}", found.pop("x-request-id"))
        assert found.pop("content-length") == str(len(answer.content)) or step.get("method") == "HEAD"
        assert found == headers
        if status >= 400:
            _check_refusal(step["door"], came)

    def _compare_body(self, expected: str, came: str) -> None:
        names: list[str] = []

        def pattern(text: str) -> str:
            moment = _MOMENT.fullmatch(text)
            if moment is not None:
                at = self.world.clock.now() + timedelta(seconds=int(moment[1] or 0))
                return re.escape(str(FORMS[moment[2]](at)))
            name, colon, form = text.partition(":")
            if not colon:
                return re.escape(self.memory[name])
            names.append(name)
            return f"({form})"

        parts = _PLACE.split(expected)
        regex = "".join(pattern(part) if index % 2 else re.escape(part) for index, part in enumerate(parts))
        match = re.fullmatch(regex, came)
        assert match, f"came:     {came}\nexpected: {expected}"
        for name, value in zip(names, match.groups(), strict=True):
            assert not name.endswith("token") or value not in self.memory.values(), f"{name} is not a new one"
            self.memory[name] = value


def _encoded(fields: Mapping[str, str], encoding: str) -> tuple[str, bytes]:
    if encoding == "json":
        return "application/json", json.dumps(dict(fields), ensure_ascii=False).encode()
    if encoding == "multipart":
        parts = [f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in fields.items()]
        return f"multipart/form-data; boundary={BOUNDARY}", f"{''.join(parts)}--{BOUNDARY}--\r\n".encode()
    return "application/x-www-form-urlencoded", urlencode(fields).encode()


def _check_refusal(door: str, body: str) -> None:
    """What holds for every refusal: a published SDK takes ``access_token`` for success, and the RFC bounds the words."""
    assert door != "/oauth/token" or "access_token" not in body
    members = json.loads(body) if body else {}
    if "error_description" in members:
        assert _DESCRIPTION.fullmatch(members["error_description"])
