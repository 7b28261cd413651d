"""A clock that a person or a test moves: everything that asks the time obeys it."""

from datetime import datetime, timedelta
from typing import Final

from app.core.clock import Clock, SystemClock
from app.core.mistakes import Mistake

NO_SUCH_TIME: Final = "there is no such time: the years 1970 to 9998 are"


class MovableClock:
    """Another clock, moved or stopped. Nothing but what asks this clock notices: timers and browsers keep the machine's time."""

    def __init__(self, real: Clock | None = None) -> None:
        self._real = real or SystemClock()
        self._offset = timedelta()
        self._frozen_at: datetime | None = None

    def now(self) -> datetime:
        """Return the moved time, aware, in UTC."""
        return self._frozen_at if self._frozen_at is not None else self._real.now() + self._offset

    @property
    def is_frozen(self) -> bool:
        """Whether it stands."""
        return self._frozen_at is not None

    @property
    def is_moved(self) -> bool:
        """Whether it tells another time than the machine, or stands."""
        return self.is_frozen or bool(self._offset)

    def freeze(self) -> None:
        """Let it stand."""
        self._frozen_at = self.now()

    def resume(self) -> None:
        """Let it run on from where it stands."""
        if self._frozen_at is not None:
            self._offset = self._frozen_at - self._real.now()
            self._frozen_at = None

    def advance(self, by: timedelta) -> None:
        """Move it, forwards or backwards.

        Raises:
            Mistake: there is no such time.
        """
        try:
            self.jump(self.now() + by)
        except OverflowError:
            raise Mistake(NO_SUCH_TIME) from None

    def jump(self, to: datetime) -> None:
        """Put it to a moment; one that stands goes on standing there.

        Raises:
            Mistake: there is no such time.
        """
        if not 1970 <= to.year < 9999:  # noqa: PLR2004 (what every database and every JWT can hold, with a lifetime to spare)
            raise Mistake(NO_SUCH_TIME)
        if self._frozen_at is not None:
            self._frozen_at = to
        else:
            self._offset = to - self._real.now()

    def reset(self) -> None:
        """Tell the machine's time again."""
        self._frozen_at, self._offset = None, timedelta()
