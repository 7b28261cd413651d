import pytest

from app.core.mistakes import ExitCode, Mistake


def test_a_mistake_is_its_text_and_an_exit_code() -> None:
    with pytest.raises(Mistake, match=r"^the port is taken$") as told:
        raise Mistake("the port is taken", ExitCode.CANNOT_LISTEN)
    assert told.value.exit_code == 3
    assert Mistake("something else").exit_code == 1


def test_no_mistake_ends_like_a_success() -> None:
    assert 0 not in set(ExitCode)
