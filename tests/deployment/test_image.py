"""The image, without a container engine: what the Dockerfile says must be true of the repository."""

import fnmatch
import json
import posixpath
import re
import tomllib
from pathlib import Path

import pytest

from app.settings import Settings

ROOT = Path(__file__).parents[2]
INSTRUCTIONS = {
    *("ADD", "ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "HEALTHCHECK", "LABEL", "ONBUILD", "RUN"),
    *("SHELL", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR"),
}

Instruction = tuple[str, str]


def parse(text: str) -> list[Instruction]:
    """Return the instructions with their arguments, in order; comments are dropped and continued lines joined."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", " ", "\n".join(lines))
    words = [line.strip().partition(" ") for line in joined.splitlines() if line.strip()]
    return [(name.upper(), argument.strip()) for name, _, argument in words]


@pytest.fixture(scope="module")
def dockerfile() -> list[Instruction]:
    return parse((ROOT / "Dockerfile").read_text())


@pytest.fixture(scope="module")
def final_stage(dockerfile: list[Instruction]) -> list[Instruction]:
    last = max(number for number, (name, _) in enumerate(dockerfile) if name == "FROM")
    return dockerfile[last:]


def arguments(name: str, instructions: list[Instruction]) -> list[str]:
    return [argument for each, argument in instructions if each == name]


def copies(instructions: list[Instruction]) -> dict[str, str]:
    """Return where each file and folder of the repository that is copied comes to lie, seen from the working folder."""
    found: dict[str, str] = {}
    for argument in arguments("COPY", instructions):
        if "--from=" not in argument:
            *sources, target = argument.split()
            found |= {source: posixpath.normpath(f"{target}{Path(source).name}" if target.endswith("/") else target) for source in sources}
    return found


def is_sent(path: str) -> bool:
    """Whether .dockerignore lets a path into the build; the last pattern that fits it or a folder of it decides."""
    sent = True
    for line in (ROOT / ".dockerignore").read_text().splitlines():
        pattern = line.strip().removeprefix("!").strip("/").removeprefix("**/")
        if not pattern or line.startswith("#"):
            continue
        parts = Path(path).parts
        candidates = ["/".join(parts[: length + 1]) for length in range(len(parts))]
        if "**/" in line:
            candidates = list(parts)
        if any(fnmatch.fnmatch(candidate, pattern) for candidate in candidates):
            sent = line.startswith("!")
    return sent


def test_every_instruction_is_known(dockerfile: list[Instruction]) -> None:
    assert dockerfile[0][0] == "FROM"
    assert [name for name, argument in dockerfile if name not in INSTRUCTIONS or not argument] == []


def test_what_is_copied_exists_and_is_sent_to_the_build(dockerfile: list[Instruction]) -> None:
    sources = copies(dockerfile)
    assert {"app", "migrations", "pyproject.toml", "requirements.txt"} <= set(sources)
    assert [source for source in sources if not (ROOT / source).exists() or not is_sent(source)] == []


def test_the_wheel_gets_every_file_that_it_names(dockerfile: list[Instruction]) -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    project, wheel = settings["project"], settings["tool"]["hatch"]["build"]["targets"]["wheel"]
    needed = {"pyproject.toml", project["readme"], *project["license-files"], *wheel["packages"], *wheel["force-include"]}
    copied = copies(dockerfile)
    assert {path for path in needed if copied.get(path) != path} == set(), "where the wheel's build does not find it"
    assert {path for path in needed if not is_sent(path)} == set()


@pytest.mark.parametrize(
    "path", [".env", ".git/config", "tokenry.db", "app/tokenry.db-wal", "secrets/x", "migrations/secret.key", "tests", "kit/demo.py"]
)
def test_settings_databases_and_history_stay_outside(path: str) -> None:
    assert not is_sent(path)


def test_a_copied_stage_is_an_earlier_one(dockerfile: list[Instruction]) -> None:
    stages = [match[1] for argument in arguments("FROM", dockerfile) if (match := re.search(r" AS (\S+)$", argument))]
    used = re.findall(r"--from=(\S+)", " ".join(arguments("COPY", dockerfile)))
    assert used
    assert set(used) <= set(stages)


def test_the_base_is_slim_and_as_new_as_the_project_asks(dockerfile: list[Instruction]) -> None:
    bases = [argument.split()[0] for argument in arguments("FROM", dockerfile)]
    assert len(set(bases)) == 1
    match = re.fullmatch(r"python:3\.(\d+)-slim", bases[0])
    assert match is not None
    assert int(match[1]) >= 11


@pytest.mark.security("SU-01")
def test_everything_is_installed_by_hash_or_is_our_own(dockerfile: list[Instruction]) -> None:
    commands = [command for argument in arguments("RUN", dockerfile) for command in argument.split("&&")]
    fetching = [command for command in commands if re.search(r"\b(pip install|uv build)\b", command)]
    assert len(fetching) == 4
    assert [line for line in fetching if "--require-hashes" not in line and "--no-deps dist/*.whl" not in line] == []
    assert not re.search(r"\b(apt-get|apk|curl|wget)\b", " ".join(commands))


def test_bytecode_is_compiled_where_the_packages_are_installed(dockerfile: list[Instruction]) -> None:
    build = dockerfile[: len(dockerfile) - dockerfile[::-1].index(("FROM", dockerfile[0][1])) + 1]
    assert "UV_COMPILE_BYTECODE=1" in " ".join(arguments("ENV", build))


def test_the_server_is_not_root_and_has_no_shell_in_front(final_stage: list[Instruction]) -> None:
    users = arguments("USER", final_stage)
    assert users == ["10001:10001"]
    assert json.loads(arguments("ENTRYPOINT", final_stage)[-1]) == ["tokenry"]
    assert json.loads(arguments("CMD", final_stage)[-1]) == ["serve"]
    order = [name for name, _ in final_stage]
    assert "RUN" not in order[order.index("USER") :]


def test_the_image_checks_its_own_health(final_stage: list[Instruction]) -> None:
    (health,) = arguments("HEALTHCHECK", final_stage)
    assert json.loads(health.partition("CMD ")[2]) == ["tokenry", "healthcheck"]


def test_data_has_a_volume_and_the_port_is_the_one_that_is_served(final_stage: list[Instruction]) -> None:
    environment = dict(part.split("=", 1) for line in arguments("ENV", final_stage) for part in line.split())
    (volume,) = json.loads(arguments("VOLUME", final_stage)[-1])
    assert arguments("WORKDIR", final_stage) == [volume], "the default database is a file in the working folder"
    assert Settings.model_fields["database_url"].default.get_secret_value() == "sqlite:///tokenry.db"
    assert arguments("EXPOSE", final_stage) == [str(Settings.model_fields["port"].default)]
    assert environment["TOKENRY_HOST"] == "0.0.0.0"  # noqa: S104 (a container's port is published by who runs it)


def test_the_image_sets_nothing_that_a_deployment_sets_by_file(final_stage: list[Instruction]) -> None:
    assert not re.search(r"TOKENRY_(DATABASE_URL|SECRET_KEY)", " ".join(arguments("ENV", final_stage)))
