"""The views: one frozen dataclass per page, with everything that the page shows. Words for people are chosen by the template.

Texts may hold anything a person or a partner typed; the templates escape them. Moments are UTC. A page's form posts
to the page's own address. What it sends stands in its view's docstring; every form also sends ``csrf``. A button that was pressed sends
its name and value.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import ClassVar


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """What surrounds every page, whichever it is."""

    language: str
    """The language of the page, ``en`` or ``zh``: see :func:`app.browser.languages.choose_language`."""
    now: datetime
    """The moment of the answer, for times such as "5 minutes ago"."""
    csrf: str = ""
    """The value of the hidden field ``csrf`` in every form."""
    query: str | None = ""
    """The raw query of the page's own address, kept by the links that switch the language; ``None`` where there are none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """A page. ``template`` is the file that shows it."""

    template: ClassVar[str]


class FormProblem(StrEnum):
    """Why a form is shown again."""

    WRONG = "wrong"
    """What was entered is not right; which part of it is not told."""
    BLOCKED = "blocked"
    """Too many wrong tries; the view's ``minutes`` say for how long."""
    BUSY = "busy"
    """A fault or a full queue of ours; the same can be sent again."""
    EXPIRED = "expired"
    """The form was open for too long, or came from another browser."""
    NO_SHOP = "no_shop"
    """No shop was picked, or none of those offered."""
    UNEQUAL = "unequal"
    """The new password and its repetition differ."""
    TOO_SHORT = "too_short"
    """The new password has fewer characters than the view's ``minimum``."""
    TOO_LONG = "too_long"
    """The new password has more characters than are checked."""
    TOO_COMMON = "too_common"
    """The new password is among those that are tried first, or is the user name."""
    UNCHANGED = "unchanged"
    """The new password is the old one."""
    UNSUPPORTED = "unsupported"
    """The browser's passkey could not be used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginPage(View):
    """Sign in. Sends ``username`` (a user name or an e-mail address) and ``password``, or ``credential`` from a passkey."""

    template: ClassVar[str] = "login.html"

    app: str | None = None
    """The name of the app that the person came from; ``None`` where they came for their account page."""
    username: str = ""
    """What stands in the field already: ``login_hint``, or what was entered before."""
    again: bool = False
    """Whether the person is asked to prove who they are once more: they are signed in, or the app demands it (``prompt=login``)."""
    problem: FormProblem | None = None
    """WRONG, BLOCKED, BUSY or EXPIRED."""
    minutes: int = 0
    """With BLOCKED: until the next try."""
    cancel: str | None = None
    """The address that takes the person back to the app with ``access_denied``."""
    passkey: str | None = None
    """``PublicKeyCredentialRequestOptions`` as JSON, where passkeys may be used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SecondFactorPage(View):
    """The second step of signing in. Sends ``code``; with ``recovery`` it is a recovery code."""

    template: ClassVar[str] = "second_factor.html"

    person: str
    """The user name of the person who gave the right password."""
    recovery: bool = False
    """Whether a recovery code is asked for, instead of the code of the authenticator app."""
    other: str | None = None
    """The address of this page with the other kind of code."""
    problem: FormProblem | None = None
    """WRONG, BLOCKED, BUSY or EXPIRED."""
    minutes: int = 0
    """With BLOCKED: until the next try."""
    cancel: str | None = None
    """The address at which signing in starts anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedScope:
    """A scope on the consent page."""

    name: str
    """The scope as the protocol writes it."""
    title: str
    """The same in plain words of the page's language."""
    is_new: bool = False
    """Whether the person has not yet granted it to this app."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferedShop:
    """A shop that the app may be given."""

    code: str
    """The partner's code of the shop: what the form sends."""
    name: str
    """What its people call it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentPage(View):
    """Ask the person. Sends ``decision`` (``approve`` or ``refuse``), and ``shop`` where shops are offered."""

    template: ClassVar[str] = "consent.html"

    app: str
    """The name of the app that asks."""
    person: str
    """The user name of the person who is asked."""
    destination: str
    """Where the person goes afterwards: the host of the redirect, or its scheme where that is an app's own."""
    scopes: Sequence[AskedScope] = ()
    """What the app asks for; none where it asks for the person's identity alone."""
    shops: Sequence[OfferedShop] = ()
    """The shops to pick one from; a single one is shown and needs no picking."""
    shop: str | None = None
    """The code of the shop that is picked already."""
    lasts: int
    """Seconds for which the app has access without asking again; 0 is until the person revokes it."""
    refreshable: bool = False
    """Whether the app renews its access meanwhile, which ends as soon as the person revokes it."""
    remembered: bool = False
    """Whether an approval is remembered for the next time."""
    switch: str | None = None
    """The address at which another person can sign in ("not you?")."""
    problem: FormProblem | None = None
    """NO_SHOP, BUSY or EXPIRED."""


class Trouble(StrEnum):
    """What happened, as a person needs to know it."""

    UNKNOWN_APP = "unknown_app"
    """The app is not registered here, or is disabled."""
    UNREGISTERED_ADDRESS = "unregistered_address"
    """The app wants the answer at an address that is not registered for it."""
    BAD_REQUEST = "bad_request"
    """The app asked for something in a way that cannot be answered."""
    EXPIRED = "expired"
    """The page was open for too long, or the link was used already."""
    LINK_EXPIRED = "link_expired"
    """The one-time link is used up, too old, or was never one."""
    NOT_FOUND = "not_found"
    """There is no such page."""
    TOO_MANY = "too_many"
    """Too many requests; the view's ``retry_in`` says for how long."""
    BUSY = "busy"
    """The database is away or the queue is full."""
    FAULT = "fault"
    """A fault of ours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorPage(View):
    """What went wrong: in words for the person, and with details for the app's developer."""

    template: ClassVar[str] = "error.html"

    trouble: Trouble
    """What happened."""
    status: int
    """The HTTP status of the answer."""
    error: str
    """The error code of the RFC, such as ``invalid_request``."""
    description: str
    """What the developer should do, in English, as in ``error_description``."""
    request_id: str
    """Finds this request in the log."""
    at: datetime
    """When it happened."""
    app: str | None = None
    """The name of the app that the person came from, where it is known."""
    retry_in: int | None = None
    """Seconds until it makes sense to try again."""
    back: str | None = None
    """Where the person can go on: the start of the flow, or the account page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantedApp:
    """An app that the person let in."""

    id: str
    """What the form sends to revoke it."""
    name: str
    """The app's name."""
    scopes: Sequence[str] = ()
    """What it may do, in plain words."""
    shops: Sequence[str] = ()
    """The names of the shops that it acts for."""
    since: datetime
    """When the person last approved."""
    last_used: datetime | None = None
    """When the app last got or renewed a token; ``None`` if it never did."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenSession:
    """A browser in which the person is signed in."""

    id: str
    """What the form sends to end it."""
    user_agent: str
    """The browser's own description; the page puts it in words."""
    address: str
    """The network address that the person signed in from."""
    since: datetime
    """When the person signed in there."""
    last_seen: datetime
    """When it was last seen."""
    is_this: bool = False
    """Whether it is the browser that shows the page."""


class Done(StrEnum):
    """What was just done, told at the top of the account page."""

    APP_REVOKED = "app_revoked"
    APPS_REVOKED = "apps_revoked"
    SESSION_ENDED = "session_ended"
    SESSIONS_ENDED = "sessions_ended"
    SECOND_FACTOR_ON = "second_factor_on"
    SECOND_FACTOR_OFF = "second_factor_off"
    PASSKEY_ADDED = "passkey_added"
    PASSKEY_REMOVED = "passkey_removed"


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountPage(View):
    """The person's own page.

    One form, of which the pressed button says what is meant: ``revoke=<id of a granted app>``, ``revoke_all=yes``,
    ``end_session=<id>``, ``end_other_sessions=yes``. Links lead to ``/account/password``, ``/account/second-factor``,
    ``/account/passkeys`` and ``/logout``.
    """

    template: ClassVar[str] = "account.html"

    person: str
    """The person's user name."""
    email: str | None = None
    """Their e-mail address."""
    apps: Sequence[GrantedApp] = ()
    """The apps that they let in, last used first."""
    sessions: Sequence[OpenSession] = ()
    """The browsers in which they are signed in, this one first."""
    second_factor_since: datetime | None = None
    """Since when a second step is asked for; ``None`` where it is off."""
    recovery_codes: int = 0
    """How many recovery codes are left."""
    passkeys: int = 0
    """How many passkeys there are."""
    done: Done | None = None
    """What was just done."""
    problem: FormProblem | None = None
    """BUSY or EXPIRED: what was asked for has not been done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangePasswordPage(View):
    """Change the password. Sends ``current_password``, ``new_password`` and ``repeated_password``."""

    template: ClassVar[str] = "change_password.html"

    person: str
    """The person's user name; password managers keep the new password under it."""
    minimum: int
    """The fewest characters that a password may have."""
    problem: FormProblem | None = None
    """WRONG (the current password), BLOCKED, UNEQUAL, TOO_SHORT, TOO_LONG, TOO_COMMON, UNCHANGED, BUSY or EXPIRED."""
    minutes: int = 0
    """With BLOCKED: until the next try."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResetPasswordPage(View):
    """Choose a new password, by a one-time link. Sends ``new_password`` and ``repeated_password``."""

    template: ClassVar[str] = "reset_password.html"

    person: str
    """The person's user name."""
    minimum: int
    """The fewest characters that a password may have."""
    problem: FormProblem | None = None
    """UNEQUAL, TOO_SHORT, TOO_LONG, TOO_COMMON, BUSY or EXPIRED."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PasswordChangedPage(View):
    """The password is changed; other sessions and the apps' refresh tokens ended with the old one."""

    template: ClassVar[str] = "password_changed.html"

    signed_in: bool
    """Whether this browser is still signed in (a change, not a reset)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignOutPage(View):
    """Ask before signing out. Sends ``where``: ``here`` or ``everywhere``."""

    template: ClassVar[str] = "sign_out.html"

    person: str
    """The user name of the person who is signed in."""
    app: str | None = None
    """The name of the app that sent them here to sign out; ``None`` where they came by themselves."""
    problem: FormProblem | None = None
    """BUSY or EXPIRED."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FormPostPage(View):
    """The person goes back to an app by a form that sends itself (OAuth 2.0 Form Post Response Mode); without scripts they press a button.

    Of all forms this is the only one that is the app's and not ours: ``action`` is its address, and it sends ``fields`` and nothing else.
    """

    template: ClassVar[str] = "form_post.html"

    app: str
    """The name of the app."""
    action: str
    """The app's redirect URI."""
    fields: Sequence[tuple[str, str]] = field(repr=False)
    """What the app is told, by name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedOutPage(View):
    """The person is signed out."""

    template: ClassVar[str] = "signed_out.html"

    everywhere: bool = False
    """Whether in all browsers, or in this one alone."""
    app: str | None = None
    """The name of the app that sent them here to sign out."""
    back: str | None = None
    """The address at which they go on in that app."""
    frames: Sequence[str] = ()
    """Pages of apps that end what those keep in this browser; nobody looks at them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TotpPage(View):
    """Set up an authenticator app as the second step (RFC 6238). Sends ``code``, the first one that the app shows, and ``setup``."""

    template: ClassVar[str] = "totp.html"

    person: str
    """The person's user name."""
    uri: str
    """The ``otpauth://`` address, shown as a QR code and as a link for the same phone."""
    secret: str
    """The shared secret in Base32, for typing."""
    setup: str = ""
    """The same, sealed: what the form sends back."""
    problem: FormProblem | None = None
    """WRONG, BLOCKED, BUSY or EXPIRED."""
    minutes: int = 0
    """With BLOCKED: until the next try."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoveryCodesPage(View):
    """The recovery codes, shown this once and meant to be printed."""

    template: ClassVar[str] = "recovery_codes.html"

    person: str
    """The person's user name."""
    codes: Sequence[str]
    """Each works once."""
    at: datetime
    """When they were made; a print tells by it which sheet is the latest."""
    done: Done | None = None
    """SECOND_FACTOR_ON, where it was just turned on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SecondFactorSettingsPage(View):
    """Two-step sign-in, which is on. Sends ``recovery_codes=new`` or ``second_factor=off``."""

    template: ClassVar[str] = "second_factor_settings.html"

    since: datetime
    """Since when a second step is asked for."""
    recovery_codes: int
    """How many recovery codes are left."""
    problem: FormProblem | None = None
    """BUSY or EXPIRED: what was asked for has not been done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Passkey:
    """A passkey (WebAuthn credential) of the person."""

    id: str
    """What the form sends to remove it."""
    name: str
    """What the person calls it."""
    since: datetime
    """When it was added."""
    last_used: datetime | None = None
    """When it was last used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PasskeysPage(View):
    """The person's passkeys. Sends ``name`` and ``credential`` to add one, or ``remove=<id>``."""

    template: ClassVar[str] = "passkeys.html"

    person: str
    """The person's user name."""
    passkeys: Sequence[Passkey] = ()
    """Those there are."""
    options: str | None = None
    """``PublicKeyCredentialCreationOptions`` as JSON; ``None`` where no more can be added."""
    done: Done | None = None
    """PASSKEY_ADDED or PASSKEY_REMOVED."""
    problem: FormProblem | None = None
    """UNSUPPORTED, BUSY or EXPIRED."""


PAGES: tuple[type[View], ...] = (
    LoginPage,
    SecondFactorPage,
    ConsentPage,
    ErrorPage,
    AccountPage,
    ChangePasswordPage,
    ResetPasswordPage,
    PasswordChangedPage,
    SignOutPage,
    FormPostPage,
    SignedOutPage,
    TotpPage,
    RecoveryCodesPage,
    SecondFactorSettingsPage,
    PasskeysPage,
)
"""All pages there are."""
