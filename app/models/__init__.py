"""The tables and their records: one record per file, its columns and the answers Authlib's mixins ask; no queries.

A record is a plain class with slots, so that the token doors never pay for an object-relational session; its fields are the columns of
its ``table``, which :mod:`app.models.schema` describes. Every ``*_at`` is an aware UTC datetime.
"""

from app.models.attempt import Attempt
from app.models.audit_event import AuditEvent
from app.models.authorization_code import AuthorizationCode
from app.models.client import Client
from app.models.client_secret import ClientSecret
from app.models.client_shop import ClientShop
from app.models.consent import Consent
from app.models.grant import Grant
from app.models.logout_notice import LogoutNotice
from app.models.passkey import Passkey
from app.models.password_reset import PasswordReset
from app.models.property import Property
from app.models.record import columns_of, names_of
from app.models.recovery_code import RecoveryCode
from app.models.resource import Resource
from app.models.scope import Scope
from app.models.session import Session
from app.models.session_client import SessionClient
from app.models.shop import Shop
from app.models.signing_key import SigningKey
from app.models.token import Token
from app.models.totp import Totp
from app.models.used_assertion import UsedAssertion
from app.models.user import User
from app.models.user_shop import UserShop

__all__ = [
    "Attempt",
    "AuditEvent",
    "AuthorizationCode",
    "Client",
    "ClientSecret",
    "ClientShop",
    "Consent",
    "Grant",
    "LogoutNotice",
    "Passkey",
    "PasswordReset",
    "Property",
    "RecoveryCode",
    "Resource",
    "Scope",
    "Session",
    "SessionClient",
    "Shop",
    "SigningKey",
    "Token",
    "Totp",
    "UsedAssertion",
    "User",
    "UserShop",
    "columns_of",
    "names_of",
]
