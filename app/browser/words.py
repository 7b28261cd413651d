"""Times, spans and browsers in the words of a language."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from gettext import NullTranslations
from typing import Final

from app.browser.user_agents import describe

MINUTE: Final = 60
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR
_RECENT: Final = 30 * DAY
"""What is older is told by its date."""


@dataclass(frozen=True, slots=True)
class Words:
    """Speaks one language at one moment; ``gettext`` and ``ngettext`` are the names that the catalogues are made from."""

    translations: NullTranslations
    now: datetime

    def gettext(self, text: str) -> str:
        """Return a text in the language."""
        return self.translations.gettext(text)

    def ngettext(self, one: str, many: str, count: int) -> str:
        """Return a text with a number in the language."""
        return self.translations.ngettext(one, many, count) % {"count": count}

    def span(self, seconds: float) -> str:
        """Return a span of time, as "2 hours": whole days or hours where it is whole, else rounded up to minutes."""
        whole = max(int(seconds), 0)
        if whole >= DAY and (whole % DAY == 0 or whole > 2 * DAY):
            return self.ngettext("%(count)d day", "%(count)d days", whole // DAY)
        if whole >= HOUR and (whole % HOUR == 0 or whole > 2 * HOUR):
            return self.ngettext("%(count)d hour", "%(count)d hours", whole // HOUR)
        return self.ngettext("%(count)d minute", "%(count)d minutes", max(-(-whole // MINUTE), 1))

    def ago(self, at: datetime) -> str:
        """Return how long ago a moment was, or its date where that is a month and more."""
        seconds = (self.now - at).total_seconds()
        if seconds < MINUTE:
            return self.gettext("just now")
        if seconds < HOUR:
            return self.ngettext("%(count)d minute ago", "%(count)d minutes ago", int(seconds) // MINUTE)
        if seconds < DAY:
            return self.ngettext("%(count)d hour ago", "%(count)d hours ago", int(seconds) // HOUR)
        if seconds < _RECENT:
            return self.ngettext("%(count)d day ago", "%(count)d days ago", int(seconds) // DAY)
        return self.date(at)

    def date(self, at: datetime) -> str:
        """Return a day, as "19 November 2026"."""
        utc = at.astimezone(UTC)
        return self.gettext("%(day)d %(month)s %(year)d") % {"day": utc.day, "month": self._months()[utc.month - 1], "year": utc.year}

    def moment(self, at: datetime) -> str:
        """Return a day and time, in UTC and saying so: where the reader is we do not know."""
        utc = at.astimezone(UTC)
        return self.gettext("%(date)s, %(time)s UTC") % {"date": self.date(at), "time": f"{utc:%H:%M:%S}"}

    def machine(self, at: datetime) -> str:
        """Return a moment for the ``datetime`` of a ``time`` element."""
        return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"

    def browser(self, user_agent: str) -> str:
        """Return a browser in words, as "Chrome on Windows"."""
        name, system = describe(user_agent)
        if name and system:
            return self.gettext("%(browser)s on %(system)s") % {"browser": name, "system": system}
        return name or system or self.gettext("Unknown browser")

    def _months(self) -> Sequence[str]:
        return (
            self.gettext("January"),
            self.gettext("February"),
            self.gettext("March"),
            self.gettext("April"),
            self.gettext("May"),
            self.gettext("June"),
            self.gettext("July"),
            self.gettext("August"),
            self.gettext("September"),
            self.gettext("October"),
            self.gettext("November"),
            self.gettext("December"),
        )
