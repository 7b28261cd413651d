"""The command line is made as far as it is asked for."""

import pytest
import typer

from app.cli import _NOUNS, _ROOMS, made

EVERY = {command for commands in _ROOMS.values() for command in commands} | set(_NOUNS)


def commands_of(app: typer.Typer) -> set[str]:
    return set(typer.main.get_command(app).list_commands(None))  # type: ignore[attr-defined]  # a group, which needs no context


@pytest.mark.parametrize("asked", [None, "--help", "sandbx", ""])
def test_whoever_asks_for_no_command_is_shown_all(asked: str | None) -> None:
    assert commands_of(made(asked)) == EVERY


@pytest.mark.parametrize("command", sorted(EVERY))
def test_a_command_comes_with_its_room_alone(command: str) -> None:
    rooms = [set(commands) for commands in _ROOMS.values() if command in commands]
    assert commands_of(made(command)) == (rooms[0] if rooms else {command})
