"""Resource indicators: which texts are some, and which are worth looking up."""

import pytest

from app.core.resources import MAXIMUM_LENGTH, MAXIMUM_RESOURCES, is_resource, resources_of, sought


@pytest.mark.rfc("8707", "2")
@pytest.mark.parametrize(
    "uri",
    [
        "https://api.example.com/orders",
        "https://api.example.com/orders?tenant=1&region=eu",
        "http://127.0.0.1:8080",
        "https://[2001:db8::1]/a%20b",
        "urn:example:orders",
        "com.example.api:/orders",
        "https://api.example.com/" + "a" * (MAXIMUM_LENGTH - 24),
    ],
)
def test_an_absolute_uri_without_a_fragment_names_a_resource(uri: str) -> None:
    assert is_resource(uri)
    assert sought(uri) == (uri,)


@pytest.mark.rfc("8707", "2")
@pytest.mark.parametrize(
    "uri",
    [
        "",
        "orders",
        "/orders",
        "//api.example.com/orders",
        "api.example.com",
        "https:",
        "1https://api.example.com",
        "https://api.example.com/#",
        "https://api.example.com/orders#all",
        'https://api.example.com/"',
        "https://api.example.com/<>",
        "https://api.example.com/\\",
        "https://api.example.com/{id}",
        "https://api.example.com/%zz",
        "https://api.example.com/%2",
        "https://api.example.com/\u5e97",
        "https://api.example.com/\x00",
        "https://api.example.com/\n",
        "https://api.example.com/" + "a" * (MAXIMUM_LENGTH - 23),
    ],
)
def test_everything_else_names_none(uri: str) -> None:
    assert not is_resource(uri)
    assert sought(uri) == ()


def test_spaces_separate_and_a_name_counts_once() -> None:
    assert resources_of("") == ()
    assert not is_resource("https://api.example.com/a b")
    assert resources_of(" urn:b  urn:a urn:b ") == ("urn:b", "urn:a")


def test_of_too_many_none_is_looked_up() -> None:
    most = tuple(f"urn:{number}" for number in range(MAXIMUM_RESOURCES))
    assert sought(" ".join(most)) == most
    assert sought(" ".join([*most, "urn:more"])) == ()
