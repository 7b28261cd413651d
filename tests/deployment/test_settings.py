"""Every setting that the deployment files name is one that the server reads."""

import re
from pathlib import Path

import pytest
import yaml

from app.main import create_app
from app.settings import Settings

ROOT = Path(__file__).parents[2]
# Read by docker-compose.yml itself.
COMPOSE_ONLY = {"TOKENRY_PUBLISH"}
NOT_PASSED_ON = {
    "TOKENRY_DATABASE_URL": "comes from a file that the first start makes",
    "TOKENRY_DIRECT_DOORS": "both ways answer the same: for tests and measurements",
    "TOKENRY_HOST": "is the image's own",
    "TOKENRY_PORT": "is the image's own; TOKENRY_PUBLISH is the one outside",
    "TOKENRY_SECRET_KEY": "comes from a file that the first start makes",
    "TOKENRY_TLS_CERT": "the proxy in front speaks TLS",
    "TOKENRY_TLS_KEY": "the proxy in front speaks TLS",
}


def known_names() -> set[str]:
    names = {f"TOKENRY_{field.upper()}" for field in Settings.model_fields}
    return names | {f"{name}_FILE" for name in names}


@pytest.mark.parametrize("file", ["Dockerfile", "docker-compose.yml", ".env.example"])
def test_a_named_setting_is_a_real_one(file: str) -> None:
    names = set(re.findall(r"\bTOKENRY_[A-Z_]+", (ROOT / file).read_text()))
    assert names
    assert names - known_names() - COMPOSE_ONLY == set()


def test_what_may_be_set_for_compose_is_passed_on() -> None:
    offered = set(re.findall(r"^#?(TOKENRY_[A-Z_]+)=", (ROOT / ".env.example").read_text(), flags=re.MULTILINE))
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    passed_on = {name for name, value in compose["services"]["tokenry"]["environment"].items() if value is None}
    assert offered == passed_on | COMPOSE_ONLY


@pytest.mark.parametrize("service", ["migrate", "tokenry"])
def test_every_setting_is_passed_on_or_left_out_on_purpose(service: str) -> None:
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    passed_on = {name for name, value in compose["services"][service]["environment"].items() if value is None}
    settings = {f"TOKENRY_{field.upper()}" for field in Settings.model_fields}
    assert passed_on == settings - set(NOT_PASSED_ON)
    assert set(NOT_PASSED_ON) <= settings


def test_what_is_offered_can_be_set_as_it_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    offered = re.findall(r"^#(TOKENRY_\w+)=(.+)$", (ROOT / ".env.example").read_text(), flags=re.MULTILINE)
    for name, value in offered:
        monkeypatch.setenv(name, value)
    given = {name.removeprefix("TOKENRY_").lower() for name, _ in offered if name not in COMPOSE_ONLY}
    assert given <= Settings().model_fields_set


def test_what_compose_makes_is_what_the_server_takes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = {"DATABASE_URL": f"postgresql://tokenry:{'0' * 64}@postgres:5432/tokenry", "SECRET_KEY": "0" * 64}
    for name, value in made.items():
        (tmp_path / name).write_text(value)
        monkeypatch.setenv(f"TOKENRY_{name}_FILE", str(tmp_path / name))
    settings = Settings()
    assert settings.database_url.get_secret_value() == made["DATABASE_URL"]
    assert settings.secret_key is not None
    assert settings.secret_key.get_secret_value() == made["SECRET_KEY"]


def test_what_is_said_of_the_documentation_is_served() -> None:
    told = re.search(
        r'^    docs: bool = False\n    """(.*?)"""', (ROOT / "app" / "settings.py").read_text(), flags=re.MULTILINE | re.DOTALL
    )
    assert told is not None
    without, served = ({getattr(route, "path", "") for route in create_app(Settings(docs=docs)).routes} for docs in (False, True))
    assert set(re.findall(r"``(/\S+)``", told[1])) == served - without == {"/openapi.json"}
