"""An operator's mistake: told in one plain line that says what to do."""

from enum import IntEnum


class ExitCode(IntEnum):
    """How the command ends: 1 for what went wrong, 2 for wrong usage, 3 where the port cannot be had, 78 for wrong configuration."""

    FAILURE = 1
    USAGE = 2
    CANNOT_LISTEN = 3
    CONFIGURATION = 78


class Mistake(Exception):  # noqa: N818 (told to a person, who made it)
    """Something an operator set, wrote or asked for that cannot be; the text says what to do about it."""

    def __init__(self, text: str, exit_code: ExitCode = ExitCode.FAILURE) -> None:
        super().__init__(text)
        self.exit_code = exit_code


class Missing(Mistake):
    """What is named is not there."""


class Taken(Mistake):
    """It is there already, or there is no room for it."""
