"""What an operator can do: clients, users, shops, scopes and resources, a file that declares them, signing keys, codes for a sandbox.

No HTTP.

Each function takes an :class:`Operator`, does its work in one transaction, and leaves an audit event for every change.
"""

from app.admin.apply import apply
from app.admin.clients import (
    create_client,
    disable_client,
    enable_client,
    grant_shop,
    list_clients,
    rotate_secret,
    show_client,
    update_client,
    withdraw_shop,
)
from app.admin.codes import CodeRequest, IssuedCode, issue_code
from app.admin.document import Document, parse_document, read_document
from app.admin.export import export
from app.admin.fields import Refused
from app.admin.keys import list_keys, retire_key, rotate_keys
from app.admin.operator import SANDBOX, Change, Desk, Operator, Rules, Status
from app.admin.resources import (
    create_resource,
    disable_resource,
    enable_resource,
    list_resources,
    show_resource,
    update_resource,
)
from app.admin.scopes import create_scope, list_scopes, show_scope, update_scope
from app.admin.shops import create_shop, disable_shop, enable_shop, list_shops, show_shop, update_shop
from app.admin.user_access import (
    LINK_IN,
    ResetLink,
    end_sessions,
    grant_user_shop,
    list_sessions,
    reset_password,
    reset_second_factor,
    withdraw_user_shop,
)
from app.admin.users import (
    create_user,
    disable_user,
    enable_user,
    list_users,
    set_password,
    show_user,
    update_user,
)

__all__ = [
    "LINK_IN",
    "SANDBOX",
    "Change",
    "CodeRequest",
    "Desk",
    "Document",
    "IssuedCode",
    "Operator",
    "Refused",
    "ResetLink",
    "Rules",
    "Status",
    "apply",
    "create_client",
    "create_resource",
    "create_scope",
    "create_shop",
    "create_user",
    "disable_client",
    "disable_resource",
    "disable_shop",
    "disable_user",
    "enable_client",
    "enable_resource",
    "enable_shop",
    "enable_user",
    "end_sessions",
    "export",
    "grant_shop",
    "grant_user_shop",
    "issue_code",
    "list_clients",
    "list_keys",
    "list_resources",
    "list_scopes",
    "list_sessions",
    "list_shops",
    "list_users",
    "parse_document",
    "read_document",
    "reset_password",
    "reset_second_factor",
    "retire_key",
    "rotate_keys",
    "rotate_secret",
    "set_password",
    "show_client",
    "show_resource",
    "show_scope",
    "show_shop",
    "show_user",
    "update_client",
    "update_resource",
    "update_scope",
    "update_shop",
    "update_user",
    "withdraw_shop",
    "withdraw_user_shop",
]
