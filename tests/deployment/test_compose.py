"""docker-compose.yml, without a container engine: it parses, and its parts fit each other."""

import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deployment.test_image import arguments, parse

ROOT = Path(__file__).parents[2]

Service = dict[str, Any]


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    return document


@pytest.fixture(scope="module")
def services(compose: dict[str, Any]) -> dict[str, Service]:
    found: dict[str, Service] = compose["services"]
    return found


def mounts(service: Service) -> dict[str, str]:
    """Return the volumes of a service by the folder where it sees them."""
    parts = [volume.split(":") for volume in service.get("volumes", [])]
    return {part[1]: part[0] for part in parts}


def test_only_known_sections_are_used(compose: dict[str, Any]) -> None:
    assert {key for key in compose if not key.startswith("x-")} == {"name", "services", "volumes"}


def test_every_service_says_what_it_runs(services: dict[str, Service]) -> None:
    assert set(services) == {"secrets", "postgres", "migrate", "tokenry"}
    assert all("image" in service for service in services.values())
    assert services["tokenry"]["build"] == services["migrate"]["build"] == "."
    assert (services["migrate"]["command"], services["tokenry"]["command"]) == (["migrate"], ["serve"])


def test_every_volume_is_declared_and_used(compose: dict[str, Any], services: dict[str, Service]) -> None:
    used = {volume for service in services.values() for volume in mounts(service).values()}
    assert used == set(compose["volumes"])


def test_who_waits_waits_for_what_can_happen(services: dict[str, Service]) -> None:
    for name, service in services.items():
        for other, how in service.get("depends_on", {}).items():
            awaited = services[other]
            if how["condition"] == "service_completed_successfully":
                assert awaited.get("restart", "no") == "no", f"{name} waits for the end of {other}, which never ends"
            else:
                assert how["condition"] == "service_healthy"
                assert "test" in awaited["healthcheck"], f"{name} waits for the health of {other}, which has no check"


def test_the_server_starts_after_the_migration_and_that_after_the_database(services: dict[str, Service]) -> None:
    assert services["tokenry"]["depends_on"] == {"migrate": {"condition": "service_completed_successfully"}}
    assert services["migrate"]["depends_on"] == {"postgres": {"condition": "service_healthy"}}
    assert services["postgres"]["depends_on"] == {"secrets": {"condition": "service_completed_successfully"}}


def test_what_ends_has_no_health_check_and_what_serves_keeps_the_images(services: dict[str, Service]) -> None:
    assert services["migrate"]["healthcheck"] == {"disable": True}
    assert "healthcheck" not in services["tokenry"]


def test_the_server_is_published_on_this_machine_alone_unless_asked(services: dict[str, Service]) -> None:
    (port,) = arguments("EXPOSE", parse((ROOT / "Dockerfile").read_text()))
    assert services["tokenry"]["ports"] == [f"${{TOKENRY_PUBLISH:-127.0.0.1:6749}}:{port}"]
    assert [name for name, service in services.items() if "ports" in service] == ["tokenry"]


def test_the_server_may_do_nothing_that_it_need_not(services: dict[str, Service]) -> None:
    for name in ("migrate", "tokenry"):
        service = services[name]
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert "no-new-privileges:true" in service["security_opt"]
        assert "user" not in service, "the image's own user"


def test_no_secret_stands_in_the_file(services: dict[str, Service]) -> None:
    for service in services.values():
        for key, value in service.get("environment", {}).items():
            if not re.search("URL|SECRET|PASSWORD", key):
                continue
            assert key.endswith("_FILE")
            folder, _, _ = value.rpartition("/")
            assert folder in mounts(service), f"{key} lies in no volume"


def test_the_version_is_the_projects(services: dict[str, Service]) -> None:
    version = re.search(r'^version = "(.*)"$', (ROOT / "pyproject.toml").read_text(), flags=re.MULTILINE)
    assert version is not None
    assert services["tokenry"]["image"] == services["migrate"]["image"] == f"tokenry:{version[1]}"


@pytest.mark.security("SU-01")
def test_secrets_are_made_once_and_only_their_reader_may_read_them(services: dict[str, Service], tmp_path: Path) -> None:
    """Runs the script of the service in a folder of its own, with `chown` taken down instead of carried out."""
    service = services["secrets"]
    shell = service["entrypoint"]
    owners = tmp_path / "owners"
    owners.touch()
    script = service["command"][0].replace("$$", "$").replace("/secrets/", f"{shlex.quote(str(tmp_path))}/")
    script = f'chown() {{ echo "$1" >> {shlex.quote(str(owners))}; }}\n{script}'
    for folder in mounts(service):
        (tmp_path / folder.removeprefix("/secrets/")).mkdir()

    def run() -> dict[str, str]:
        subprocess.run([*shell, script], check=True)
        return {path.name: path.read_text() for path in sorted(tmp_path.glob("*/*"))}

    first = run()
    assert run() == first
    assert re.fullmatch("[0-9a-f]{64}", first["secret_key"])
    assert re.fullmatch("[0-9a-f]{64}", first["postgres_password"])
    assert first["secret_key"] != first["postgres_password"]
    assert first["database_url"] == f"postgresql://tokenry:{first['postgres_password']}@postgres:5432/tokenry"
    assert {path.stat().st_mode & 0o777 for path in tmp_path.glob("*/*")} == {0o400}
    assert owners.read_text().split() == ["10001:10001", "0:0", "10001:10001"]
    read = {
        value.rpartition("/")[2]
        for each in services.values()
        for key, value in each.get("environment", {}).items()
        if key.endswith("_FILE")
    }
    assert read == set(first)
