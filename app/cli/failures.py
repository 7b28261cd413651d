"""What went wrong, as the one line that an operator reads."""

from app.core.mistakes import ExitCode, Mistake
from app.dialects import DialectError
from app.storage import DatabaseUnusable, StorageUnavailable
from app.telemetry.logs import describe


def explain(error: Exception) -> tuple[str, int]:
    """Return the line and the exit code for an error; that of a defect names where it happened and quotes nothing."""
    if isinstance(error, Mistake):
        return _one_line(str(error)), error.exit_code
    if isinstance(error, DialectError):
        return _one_line(str(error)), ExitCode.CONFIGURATION
    if isinstance(error, DatabaseUnusable):
        return _one_line(str(error)), ExitCode.FAILURE
    if isinstance(error, StorageUnavailable):
        return _one_line(f"the database is away or too busy: {error}"), ExitCode.FAILURE
    return f"this is a defect of the program, please report it: {describe(error)}", ExitCode.FAILURE


def _one_line(text: str) -> str:
    return " ".join(text.split())
