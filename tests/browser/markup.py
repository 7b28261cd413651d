"""A page's elements and text, as any HTML parser finds them."""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Self

VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
ADDRESSES = ("href", "src", "action", "formaction", "poster", "data", "srcset", "ping", "xlink:href")


@dataclass
class Element:
    tag: str
    attributes: dict[str, str]
    parent: "Element | None" = None
    text: str = ""
    """Of the element and of all within it."""

    def within(self, tag: str) -> "Element | None":
        """Return the nearest element of that tag around this one."""
        above = self.parent
        while above is not None and above.tag != tag:
            above = above.parent
        return above


@dataclass
class Markup(HTMLParser):
    """Collects the elements in order."""

    html: str
    elements: list[Element] = field(default_factory=list)
    declaration: str = ""

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._open: list[Element] = []
        self.feed(self.html)
        self.close()
        assert self._open == [], f"never closed: {self._open}"

    def handle_decl(self, decl: str) -> None:
        self.declaration = decl

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), f"an attribute twice: {tag} {names}"
        element = Element(tag, {name: value or "" for name, value in attrs}, self._open[-1] if self._open else None)
        self.elements.append(element)
        if tag not in VOID:
            self._open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open, f"</{tag}> closes nothing"
        assert self._open[-1].tag == tag, f"</{tag}> closes <{self._open[-1].tag}>"
        self._open.pop()

    def handle_data(self, data: str) -> None:
        for element in self._open:
            element.text += data

    def all(self, *tags: str) -> list[Element]:
        return [element for element in self.elements if element.tag in tags]

    def one(self, tag: str) -> Element:
        (found,) = self.all(tag)
        return found

    @classmethod
    def of(cls, html: str) -> Self:
        return cls(html)
