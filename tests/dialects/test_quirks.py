"""Quirks: a file that declares them wrongly is refused, and a client's strictness turns on and off exactly what they name."""

from pathlib import Path
from typing import Any

import pytest

from app.dialects import DialectError, Strictness, quirks_on, read_dialect, strictness_of, switched
from tests.dialects.files import bent, written
from tests.fixtures.dialects import built_in

QUIRK: dict[str, Any] = {"option": "shape", "value": "flat", "title": {"en": "Flat"}, "note": {"zh": "扁平"}}
OPTIONS: dict[str, Any] = {
    "shape": {"flat": {"answers": {"token": {"body": {"flat": "$access_token"}}}}, "deep": {}},
    "long": {"true": {"policy": {"access_token_expires_in": 7200}, "grants": {"refresh_token": {"grace_in": 0}}}},
    "short": {"true": {"policy": {"access_token_expires_in": 60}}},
    "patient": {"true": {"grants": {"refresh_token": {"grace_in": 9}}}},
    "framed": {"true": {"answers": {"token": {"body": {"data": "$access_token"}}}}},
    "wordy": {"true": {"errors": {"bad_scope": {"description": "no such scope"}}}},
    "curt": {"true": {"errors": {"bad_scope": {"description": "no", "status": 403}}}},
}


def quirky(**quirks: Any) -> dict[str, Any]:
    return {**bent("options", to=OPTIONS), "quirks": quirks}


def of(option: str) -> dict[str, Any]:
    return {**QUIRK, "option": option, "value": True}


CONTRADICTORY = {
    "an unknown option": (quirky(a={**QUIRK, "option": "size"}), "quirks.a.option: there is no option size"),
    "an unknown value": (
        quirky(a={**QUIRK, "value": "round"}),
        "quirks.a.value: the option shape is one of flat, deep, not 'round'",
    ),
    "a value that turns nothing on": (
        quirky(a={**of("long"), "value": False}),
        "quirks.a.value: the option long is one of true, not 'false'",
    ),
    "a value that is a number": (quirky(a={**QUIRK, "value": 1}), "quirks.a.value."),
    "no option": (quirky(a={"value": True, "title": {"en": "A"}, "note": {"en": "A"}}), "quirks.a.option: Field required"),
    "no title": (quirky(a={**QUIRK, "title": {}}), "quirks.a.title: Dictionary should have at least 1 item"),
    "no note": (quirky(a={"option": "shape", "value": "flat", "title": {"en": "A"}}), "quirks.a.note: Field required"),
    "a note in another language": (quirky(a={**QUIRK, "note": {"fr": "A"}}), "quirks.a.note.fr"),
    "an unknown key": (quirky(a={**QUIRK, "seen": True}), "quirks.a.seen: Extra inputs are not permitted"),
    "a name that is none": (quirky(**{"a b": QUIRK}), "quirks.a b.[key]: String should match pattern"),
    "two of one option": (
        quirky(a=QUIRK, b={**QUIRK, "value": "deep"}),
        "quirks.b.option: shape is that of the quirk a, and a client has one value of it",
    ),
    "two policies": (
        quirky(a=of("long"), b=of("short")),
        "quirks.b: contradicts the quirk a: each sets policy.access_token_expires_in",
    ),
    "two policies of a grant": (
        quirky(a=of("long"), b=of("patient")),
        "quirks.b: contradicts the quirk a: each sets grants.refresh_token.grace_in",
    ),
    "two answers": (quirky(a=QUIRK, b=of("framed")), "quirks.b: contradicts the quirk a: each sets answers.token"),
    "two errors": (
        quirky(a=of("wordy"), b=of("curt")),
        "quirks.b: contradicts the quirk a: each sets errors.bad_scope.description",
    ),
}


@pytest.mark.parametrize(("content", "reason"), [pytest.param(*case, id=name.replace(" ", "-")) for name, case in CONTRADICTORY.items()])
def test_a_quirk_that_cannot_be_names_the_file_the_key_and_the_reason(tmp_path: Path, content: dict[str, Any], reason: str) -> None:
    path = written(tmp_path, content)
    with pytest.raises(DialectError) as told:
        read_dialect(path)
    assert str(told.value).startswith(f"{path}: {reason}")


def test_quirks_that_go_together_are_taken(tmp_path: Path) -> None:
    dialect = read_dialect(written(tmp_path, quirky(a=QUIRK, b=of("long"), c=of("wordy"))))
    assert list(dialect.quirks) == ["a", "b", "c"]


KNOWN_QUIRKS = {
    "standard": {},
    "fantem": {"rotation": ("refresh_rule", "rotate")},
    "hex": {"always_http_200": ("always_http_200", True), "epoch_expiry": ("expires_format", "epoch")},
    "open_platform": {"envelope": ("envelope", "rageframe")},
    "youzan": {},
}


@pytest.mark.parametrize("name", KNOWN_QUIRKS)
def test_the_known_quirks_are_these_and_are_told_in_both_languages(name: str) -> None:
    quirks = built_in()[name].quirks
    assert {name: (quirk.option, quirk.value) for name, quirk in quirks.items()} == KNOWN_QUIRKS[name]
    for quirk in quirks.values():
        assert set(quirk.title) == set(quirk.note) == {"en", "zh"}
        assert "As documented" in quirk.note["en"]
        assert "Seen instead" in quirk.note["en"]
        assert "按文档" in quirk.note["zh"]
        assert "实际所见" in quirk.note["zh"]


# -- strictness --------------------------------------------------------------------------------------------------------------------


def test_strictness_sets_the_options_of_the_quirks_alone() -> None:
    hex_ = built_in()["hex"]
    everything: dict[str, str | bool] = {"always_http_200": True, "expires_format": "epoch"}
    assert switched(hex_, {}, Strictness.AS_SEEN) == everything
    assert switched(hex_, everything, Strictness.AS_DOCUMENTED) == {"always_http_200": False, "expires_format": False}
    assert switched(hex_, {}, Strictness.AS_DOCUMENTED) == {}


def test_an_option_whose_value_is_no_quirk_is_left_alone(tmp_path: Path) -> None:
    dialect = read_dialect(written(tmp_path, quirky(a=QUIRK)))
    assert strictness_of(dialect, {"shape": "deep"}) is Strictness.AS_DOCUMENTED
    assert switched(dialect, {"shape": "deep"}, Strictness.AS_DOCUMENTED) == {}


@pytest.mark.parametrize(
    ("options", "on"),
    [
        ({}, []),
        ({"always_http_200": False}, []),
        ({"always_http_200": True}, ["always_http_200"]),
        ({"always_http_200": "true", "expires_format": "epoch"}, ["always_http_200", "epoch_expiry"]),
    ],
)
def test_a_client_is_answered_as_seen_where_any_quirk_is_on(options: dict[str, str | bool], on: list[str]) -> None:
    hex_ = built_in()["hex"]
    assert list(quirks_on(hex_, options)) == on
    assert strictness_of(hex_, options) == ("as seen" if on else "as documented")


@pytest.mark.parametrize("name", ["standard", "youzan"])
def test_a_dialect_without_quirks_has_nothing_that_was_seen(name: str) -> None:
    dialect = built_in()[name]
    assert switched(dialect, {"profile": "legacy"}, Strictness.AS_DOCUMENTED) == {}
    with pytest.raises(ValueError, match=f"the dialect {name} has no known quirks: its clients are answered as documented"):
        switched(dialect, {}, Strictness.AS_SEEN)
