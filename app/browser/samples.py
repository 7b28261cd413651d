"""One good sample of every page: what an operator's templates are tried with at start, and what tests and screenshots show."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

from app.browser.views import (
    AccountPage,
    AskedScope,
    ChangePasswordPage,
    ConsentPage,
    Done,
    ErrorPage,
    FormPostPage,
    FormProblem,
    Frame,
    GrantedApp,
    LoginPage,
    OfferedShop,
    OpenSession,
    Passkey,
    PasskeysPage,
    PasswordChangedPage,
    RecoveryCodesPage,
    ResetPasswordPage,
    SecondFactorPage,
    SecondFactorSettingsPage,
    SignedOutPage,
    SignOutPage,
    TotpPage,
    Trouble,
    View,
)

NOW: Final = datetime(2026, 11, 19, 12, 0, 41, tzinfo=UTC)
_PHONE: Final = "Mozilla/5.0 (iPhone; CPU iPhone OS 19_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/19.1 Safari/604.1"
_DESK: Final = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36"
_CHAT: Final = (
    "Mozilla/5.0 (Linux; Android 16) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/150.0 Mobile Safari/537.36 MicroMessenger/8.0.60"
)
_OPTIONS: Final = '{"challenge":"c2FtcGxl","rpId":"localhost","userVerification":"required"}'
_CREATION: Final = (
    '{"challenge":"c2FtcGxl","rp":{"id":"localhost","name":"Tokenry"},"user":{"id":"YWxpY2U","name":"alice","displayName":"alice"},'
    '"pubKeyCredParams":[{"type":"public-key","alg":-7}]}'
)
_WORDS: Final = {
    "en": {
        "app": "Blue Harbour Analytics",
        "other_app": "Kitchen Display",
        "third_app": "Voice assistant",
        "profile": "See your name and e-mail address",
        "orders": "See the orders of your shop",
        "refunds": "Refund an order",
        "lights": "Switch the lights in your home",
        "first_shop": "Harbour Street Noodles",
        "second_shop": "Old Town Tea House",
        "key": "Alice's laptop",
    },
    "zh": {
        "app": "蓝港数据分析",
        "other_app": "后厨显示屏",
        "third_app": "语音助手",
        "profile": "查看您的姓名和电子邮箱",
        "orders": "查看您店铺的订单",
        "refunds": "为订单办理退款",
        "lights": "开关您家中的灯",
        "first_shop": "港湾街面馆",
        "second_shop": "老城茶馆",
        "key": "爱丽丝的笔记本电脑",
    },
}


def frame(language: str) -> Frame:
    """Return the surroundings of a sample."""
    return Frame(language=language, now=NOW, csrf="c2FtcGxlLWNzcmYtdG9rZW4", query="request=c2FtcGxl")


def samples(language: str) -> Mapping[str, View]:
    """Return the samples by a name for each; the first word of a name is the page's."""
    words = _WORDS[language]
    return {**_signing_in(words), **_consents(words), **_errors(words), **_accounts(words), **_passwords(), **_factors(words)}


def _signing_in(words: Mapping[str, str]) -> Mapping[str, View]:
    login = {"app": words["app"], "cancel": "https://partner.example/cb?error=access_denied"}
    return {
        "login": LoginPage(**login),  # type: ignore[arg-type]  # texts alone
        "login-passkey": LoginPage(**login, passkey=_OPTIONS),  # type: ignore[arg-type]  # as above
        "login-wrong": LoginPage(**login, username="alice", problem=FormProblem.WRONG),  # type: ignore[arg-type]  # as above
        "login-blocked": LoginPage(**login, username="alice", problem=FormProblem.BLOCKED, minutes=12),  # type: ignore[arg-type]  # as above
        "login-again": LoginPage(**login, username="alice", again=True),  # type: ignore[arg-type]  # as above
        "login-account": LoginPage(),
        "second_factor": SecondFactorPage(person="alice", other="/login/second-factor?recovery=yes", cancel="/login"),
        "second_factor-recovery": SecondFactorPage(person="alice", recovery=True, problem=FormProblem.WRONG, other="/login/second-factor"),
        "sign_out": SignOutPage(person="alice"),
        "sign_out-app": SignOutPage(person="alice", app=words["app"]),
        "form_post": FormPostPage(
            app=words["app"], action="https://partner.example/cb", fields=[("code", "SplxlOBeZQQYbYS6WxSbIA"), ("state", "af0ifjsldkj")]
        ),
        "signed_out": SignedOutPage(),
        "signed_out-app": SignedOutPage(app=words["app"], back="https://partner.example/"),
        "signed_out-everywhere": SignedOutPage(everywhere=True),
    }


def _consents(words: Mapping[str, str]) -> Mapping[str, View]:
    asked = (
        AskedScope(name="profile", title=words["profile"]),
        AskedScope(name="orders", title=words["orders"]),
        AskedScope(name="refunds", title=words["refunds"], is_new=True),
    )
    shops = (OfferedShop(code="88888", name=words["first_shop"]), OfferedShop(code="88889", name=words["second_shop"]))
    return {
        "consent": ConsentPage(
            app=words["app"],
            person="alice",
            destination="partner.example",
            scopes=asked,
            lasts=365 * 24 * 3600,
            refreshable=True,
            remembered=True,
            switch="/login?request=c2FtcGxl",
        ),
        "consent-shops": ConsentPage(
            app=words["other_app"],
            person="alice",
            destination="kitchen.example",
            scopes=asked[1:],
            shops=shops,
            lasts=604800,
            problem=FormProblem.NO_SHOP,
        ),
        "consent-identity": ConsentPage(app=words["app"], person="alice", destination="com.example.app", lasts=3600),
    }


def _errors(words: Mapping[str, str]) -> Mapping[str, View]:
    return {
        "error": ErrorPage(
            trouble=Trouble.UNREGISTERED_ADDRESS,
            status=400,
            error="invalid_request",
            description="The redirect_uri is none of those registered for this client; they are compared as plain strings.",
            request_id="5f0c9a1e000017",
            at=NOW,
            app=words["app"],
        ),
        "error-fault": ErrorPage(
            trouble=Trouble.FAULT,
            status=500,
            error="server_error",
            description="The server met a fault of its own.",
            request_id="5f0c9a1e000018",
            at=NOW,
            retry_in=60,
            back="/account",
        ),
    }


def _accounts(words: Mapping[str, str]) -> Mapping[str, View]:
    apps = (
        GrantedApp(
            id="g1",
            name=words["app"],
            scopes=(words["profile"], words["orders"], words["refunds"]),
            shops=(words["first_shop"], words["second_shop"]),
            since=NOW - timedelta(days=200),
            last_used=NOW - timedelta(minutes=5),
        ),
        GrantedApp(
            id="g2", name=words["third_app"], scopes=(words["lights"],), since=NOW - timedelta(days=12), last_used=NOW - timedelta(hours=3)
        ),
        GrantedApp(id="g3", name=words["other_app"], since=NOW - timedelta(hours=1)),
    )
    sessions = (
        OpenSession(
            id="s1",
            user_agent=_DESK,
            address="203.0.113.7",
            since=NOW - timedelta(hours=2),
            last_seen=NOW - timedelta(seconds=5),
            is_this=True,
        ),
        OpenSession(
            id="s2", user_agent=_PHONE, address="2001:db8::7", since=NOW - timedelta(hours=7), last_seen=NOW - timedelta(minutes=40)
        ),
        OpenSession(id="s3", user_agent=_CHAT, address="198.51.100.23", since=NOW - timedelta(hours=9), last_seen=NOW - timedelta(hours=8)),
    )
    return {
        "account": AccountPage(
            person="alice",
            email="alice@example.com",
            apps=apps,
            sessions=sessions,
            second_factor_since=NOW - timedelta(days=90),
            recovery_codes=8,
            passkeys=2,
            done=Done.SESSION_ENDED,
        ),
        "account-empty": AccountPage(person="bob", sessions=sessions[:1]),
    }


def _passwords() -> Mapping[str, View]:
    return {
        "change_password": ChangePasswordPage(person="alice", minimum=8),
        "change_password-wrong": ChangePasswordPage(person="alice", minimum=8, problem=FormProblem.WRONG),
        "reset_password": ResetPasswordPage(person="alice", minimum=8),
        "reset_password-short": ResetPasswordPage(person="alice", minimum=8, problem=FormProblem.TOO_SHORT),
        "password_changed": PasswordChangedPage(signed_in=True),
        "password_changed-reset": PasswordChangedPage(signed_in=False),
    }


def _factors(words: Mapping[str, str]) -> Mapping[str, View]:
    secret = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
    uri = f"otpauth://totp/Tokenry:alice?secret={secret}&issuer=Tokenry"
    totp = {"person": "alice", "uri": uri, "secret": secret, "setup": "c2FtcGxlLXNldHVw"}
    keys = (
        Passkey(id="p1", name=words["key"], since=NOW - timedelta(days=60), last_used=NOW - timedelta(days=2)),
        Passkey(id="p2", name="YubiKey 5C", since=NOW - timedelta(days=3)),
    )
    return {
        "totp": TotpPage(**totp),  # type: ignore[arg-type]  # texts alone
        "totp-wrong": TotpPage(**totp, problem=FormProblem.WRONG),  # type: ignore[arg-type]  # as above
        "recovery_codes": RecoveryCodesPage(
            person="alice", codes=[f"{n}k7f-{n}m2x-q{n}wz-9a{n}b" for n in range(10)], at=NOW, done=Done.SECOND_FACTOR_ON
        ),
        "second_factor_settings": SecondFactorSettingsPage(since=NOW - timedelta(days=90), recovery_codes=8),
        "passkeys": PasskeysPage(person="alice", passkeys=keys, options=_CREATION, done=Done.PASSKEY_ADDED),
        "passkeys-full": PasskeysPage(person="alice", passkeys=keys),
        "passkeys-empty": PasskeysPage(person="alice", options=_CREATION),
    }
