"""What holds for every page, in both languages, whatever is put into it."""

import re
from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from typing import Any, Final

import pytest

from app.browser import views
from app.browser.languages import LANGUAGES, TAGS
from app.browser.pages import TEMPLATES, Pages
from app.browser.samples import frame, samples
from app.browser.views import PAGES, FormProblem, Trouble, View
from tests.browser.extremes import HOSTILE, all_views, hostile
from tests.browser.markup import ADDRESSES, Markup

PARTS: Final = {"base.html", "parts.html", "new_password.html"}
"""Templates that are no page."""
UNSEEN: Final = {"passkeys-empty"}
"""Pages that show nothing of what a person or partner typed."""
LARGEST_PAGE: Final = 30_000
LARGEST_STYLESHEET: Final = 20_000
CASES: Final = [(language, name) for language in LANGUAGES for name in all_views(language)]
every_page = pytest.mark.parametrize(("language", "name"), CASES)


def rendered(pages: Pages, language: str, name: str) -> Markup:
    return Markup.of(pages.render(all_views(language)[name], frame(language)))


def test_every_page_has_its_view_and_every_view_its_samples() -> None:
    assert {page.template for page in PAGES} | PARTS == {path.name for path in TEMPLATES.iterdir()}
    assert {type(view) for view in samples("en").values()} == set(PAGES)
    assert samples("en").keys() == samples("zh").keys()
    for name, view in samples("en").items():
        assert view.template.removesuffix(".html") == name.partition("-")[0]


def test_every_field_of_a_view_says_what_it_means() -> None:
    source = {name: value for name, value in vars(views).items() if is_dataclass(value)}
    text = (TEMPLATES.parent / "browser" / "views.py").read_text()
    for name, view in source.items():
        body = text.partition(f"class {name}")[2].partition("\n@dataclass")[0]
        own = [field.name for field in fields(view) if re.search(rf"^    {field.name}:", body, re.MULTILINE)]
        undocumented = [field for field in own if not re.search(rf'^    {field}:[^\n]*\n    """', body, re.MULTILINE)]
        assert undocumented == [], name


@every_page
def test_a_page_is_a_complete_document(pages: Pages, language: str, name: str) -> None:
    page = rendered(pages, language, name)
    assert page.declaration.lower() == "doctype html"
    assert page.one("html").attributes["lang"] == TAGS[language]
    assert page.one("title").text.endswith(" · Tokenry")
    assert len(page.one("title").text) > len(" · Tokenry")
    assert page.one("h1").text.strip()
    assert page.one("main").attributes["id"] == "main"
    ids = [element.attributes["id"] for element in page.elements if "id" in element.attributes]
    assert len(ids) == len(set(ids))
    assert not re.search(r"\bNone\b|\{\{|\}\}|\{%|%\(", page.html)


@every_page
def test_every_form_posts_with_a_csrf_field_and_named_buttons(pages: Pages, language: str, name: str) -> None:
    page = rendered(pages, language, name)
    for form in page.all("form"):
        inside = [element for element in page.elements if element.within("form") is form]
        assert form.attributes["method"] == "post"
        if "data-send" in form.attributes:
            # The one form that is an app's and goes there: it sends what the app is told, and nothing of ours.
            assert [element.attributes.get("name") for element in inside if element.tag in {"input", "button"}] == ["code", "state", None]
            continue
        assert [element.attributes["value"] for element in inside if element.attributes.get("name") == "csrf"] == [frame(language).csrf]
        by_script = "data-passkey" in (form.parent.attributes if form.parent else {})
        buttons = [element for element in inside if element.tag == "button"]
        assert by_script or all(button.attributes.get("name") and button.attributes.get("value") for button in buttons)
    for field in page.all("input", "button", "select", "textarea"):
        assert field.within("form") is not None


@every_page
def test_every_field_has_a_label_and_points_to_texts_that_are_there(pages: Pages, language: str, name: str) -> None:
    page = rendered(pages, language, name)
    ids = {element.attributes.get("id") for element in page.elements}
    labelled = {element.attributes.get("for") for element in page.all("label")}
    for field in page.all("input"):
        if field.attributes.get("type") != "hidden" and "hidden" not in field.attributes:
            assert field.attributes.get("id") in labelled or field.within("label")
    for element in page.elements:
        for attribute in ("aria-describedby", "aria-labelledby", "for"):
            assert set(element.attributes.get(attribute, "").split()) <= ids
    assert len([element for element in page.elements if "autofocus" in element.attributes]) <= 1


@pytest.mark.security("SU-04")
@every_page
def test_a_page_holds_no_inline_style_or_script_and_names_nobody_elses_address(pages: Pages, language: str, name: str) -> None:
    page = rendered(pages, language, name)
    assert page.all("style", "base", "iframe", "object", "embed") == []
    for script in page.all("script"):
        assert script.text == ""
        assert script.attributes["src"].startswith("/static/")
    for element in page.elements:
        assert not [attribute for attribute in element.attributes if attribute == "style" or attribute.startswith("on")]
        loads = element.tag in {"script", "link", "img", "use", "image"}
        for address in (element.attributes[attribute] for attribute in ADDRESSES if attribute in element.attributes):
            assert address.startswith(("/", "?", "#")) or not loads
            assert not address.startswith("//")


def test_only_addresses_that_a_view_was_given_lead_elsewhere(pages: Pages) -> None:
    for language in LANGUAGES:
        for view in samples(language).values():
            page = Markup.of(pages.render(view, frame(language)))
            given = {getattr(view, name, None) for name in ("cancel", "switch", "other", "back", "uri")}
            links = {element.attributes["href"] for element in page.all("a")}
            assert {link for link in links if not link.startswith(("/", "?", "#"))} <= given


@every_page
def test_a_page_is_small(pages: Pages, language: str, name: str) -> None:
    assert len(pages.render(all_views(language)[name], frame(language)).encode()) < LARGEST_PAGE


def test_the_stylesheet_is_small_and_loads_nothing(pages: Pages) -> None:
    sheet = pages.assets.by_address[pages.assets.address("pages.css")]
    assert len(sheet.content) < LARGEST_STYLESHEET
    assert b"url(" not in sheet.content
    assert b"@import" not in sheet.content


@pytest.mark.security("AZ-12")
@every_page
def test_hostile_texts_change_no_markup(pages: Pages, language: str, name: str) -> None:
    view = all_views(language)[name]
    good, page = rendered(pages, language, name), Markup.of(pages.render(hostile(view), frame(language)))
    assert [(element.tag, *element.attributes) for element in page.elements] == [
        (element.tag, *element.attributes) for element in good.elements
    ]
    assert "<script>alert" not in page.html
    if HOSTILE in _strings(hostile(view)) and name not in UNSEEN:
        assert HOSTILE in page.one("body").text or any(HOSTILE in element.attributes.values() for element in page.elements)


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, tuple | list):
        for each in value:
            yield from _strings(each)
    elif is_dataclass(value):
        for field in fields(value):
            yield from _strings(getattr(value, field.name))


@pytest.mark.security("AZ-12")
@pytest.mark.parametrize(
    "query", ['"><script>alert(1)</script>', "a=b&ui_locales=<x>&c='", "//evil.example/", "javascript:alert(1)", "\u202e"]
)
def test_a_hostile_query_stays_inside_the_links_that_switch_the_language(pages: Pages, query: str) -> None:
    page = Markup.of(pages.render(samples("en")["error"], replace(frame("en"), query=query)))
    (link,) = [element for element in page.all("a") if "hreflang" in element.attributes]
    assert link.attributes["href"].startswith("?")
    assert link.attributes["href"].endswith("ui_locales=zh")
    assert page.all("script") == []


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("trouble", Trouble)
def test_every_trouble_has_words_of_its_own(pages: Pages, language: str, trouble: Trouble) -> None:
    error = samples(language)["error"]
    titles = {
        each: Markup.of(pages.render(replace(error, trouble=each), frame(language))).one("h1").text  # type: ignore[call-arg]
        for each in Trouble
    }
    assert [each for each, title in titles.items() if title == titles[trouble]] == [trouble]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("problem", FormProblem)
def test_every_problem_has_words_of_its_own_and_takes_the_focus(pages: Pages, language: str, problem: FormProblem) -> None:
    view: View = replace(samples(language)["change_password"], problem=problem, minutes=3)  # type: ignore[call-arg]
    page = Markup.of(pages.render(view, frame(language)))
    (notice,) = [element for element in page.elements if element.attributes.get("id") == "problem"]
    assert notice.text.strip()
    assert "autofocus" in notice.attributes
    assert notice.attributes["role"] == "alert"
    assert [element for element in page.elements if "autofocus" in element.attributes] == [notice]


def test_every_address_of_ours_starts_with_the_path_of_the_issuer() -> None:
    under = Pages(base="/auth")
    for name in all_views("en"):
        page = rendered(under, "en", name)
        ours = [
            element.attributes[attribute] for element in page.elements for attribute in ("href", "src") if attribute in element.attributes
        ]
        plain = {
            "/login",
            "/login?request=c2FtcGxl",
            "/login/second-factor",
            "/login/second-factor?recovery=yes",
            "/account",
        }  # given by views
        assert [address for address in ours if address.startswith("/") and not address.startswith("/auth/")] == [
            address for address in ours if address in plain
        ]
