"""The demo identities, as the document that the sandbox applies. They are published: nothing that is reachable may have them."""

from collections.abc import Mapping
from typing import Final

from app.core.client_algorithms import PRIVATE_KEY_JWT
from app.core.secrets import digest
from app.models import Client

REDIRECT_URI: Final = "http://127.0.0.1:9401/cb"
LOGOUT_URI: Final = "http://127.0.0.1:9401/bye"
ALEXA_REDIRECT_URI: Final = "https://pitangui.amazon.com/api/skill/link/DEMO"
USERNAME: Final = "demo"
PASSWORD: Final = "demo-password"
SECRETS: Final[Mapping[str, str]] = {
    "testclient": "testsecret",
    "hex-demo": "hex-demo-secret",
    "platform-demo": "platform-demo-secret",
    "alexa-demo": "alexa-demo-secret",
    "demo-service": "demo-service-secret",
    "demo-app": "demo-app-secret",
}
PLAYGROUND: Final = "playground-"
"""What the ids of the playground's own clients begin with; no app is meant to be them."""
PLAYGROUND_SECRETS: Final[Mapping[str, str]] = {
    "playground-youzan": "playground-youzan-secret",
    "playground-platform": "playground-platform-secret",
}
KNOWN_DIGESTS: Final = frozenset(digest(secret) for secret in (*SECRETS.values(), *PLAYGROUND_SECRETS.values(), PASSWORD))
"""What a service refuses to run with."""

DEMO: Final[Mapping[str, object]] = {
    "users": [
        {
            "username": USERNAME,
            "password": PASSWORD,
            "email": "demo@example.com",
            "name": "Demo",
            "shops": [{"dialect": "youzan", "code": "88888"}],
            "claims": {
                "given_name": "Demo",
                "family_name": "Person",
                "locale": "en",
                "zoneinfo": "Asia/Shanghai",
                "email_verified": True,
                "phone_number": "+86 10 5555 0100",
                "address": {"locality": "Beijing", "country": "CN"},
            },
        }
    ],
    "shops": [
        {"dialect": "youzan", "code": "88888", "name": "Demo shop"},
        {"dialect": "hex", "code": "S001", "name": "Demo store"},
    ],
    "scopes": [
        {"name": "profile", "title": {"en": "See your name", "zh": "查看您的姓名"}},
        {"name": "orders", "title": {"en": "See your orders", "zh": "查看您的订单"}},
        {"name": "inventory", "title": {"en": "See your inventory", "zh": "查看您的库存"}},
        {"name": "devices", "title": {"en": "See and switch your devices", "zh": "查看并控制您的设备"}},
        {"name": "shop", "title": {"en": "See your shop", "zh": "查看您的店铺"}},
        {"name": "item", "title": {"en": "Manage the goods of your shop", "zh": "管理店铺商品"}},
        {"name": "trade", "title": {"en": "See the trades of your shop", "zh": "查看店铺交易"}},
    ],
    "clients": [
        {
            "client_id": "testclient",
            "client_secret": SECRETS["testclient"],
            "client_name": "Demo app (Youzan)",
            "dialect": "youzan",
            "redirect_uris": [REDIRECT_URI],
            "scope": "shop item trade",
            "shops": ["88888"],
        },
        {
            "client_id": "hex-demo",
            "client_secret": SECRETS["hex-demo"],
            "client_name": "Demo client (Hex)",
            "dialect": "hex",
            "scope": "orders inventory",
            "shops": ["S001"],
        },
        {
            "client_id": "platform-demo",
            "client_secret": SECRETS["platform-demo"],
            "client_name": "Demo client (open platform)",
            "dialect": "open_platform",
            "redirect_uris": [REDIRECT_URI],
            "scope": "profile orders",
        },
        {
            "client_id": "alexa-demo",
            "client_secret": SECRETS["alexa-demo"],
            "client_name": "Demo skill (Alexa)",
            "dialect": "fantem",
            "redirect_uris": [ALEXA_REDIRECT_URI, REDIRECT_URI],
            "scope": "devices",
        },
        {
            "client_id": "fantem-demo",
            "client_name": "Demo gateway (Fantem)",
            "dialect": "fantem",
            "token_endpoint_auth_method": "none",
            "redirect_uris": [ALEXA_REDIRECT_URI, REDIRECT_URI],
            "scope": "devices",
        },
        {
            "client_id": "demo-service",
            "client_secret": SECRETS["demo-service"],
            "client_name": "Demo service",
            "grant_types": ["client_credentials"],
            "scope": "orders inventory",
        },
        {
            "client_id": "demo-web",
            "client_name": "Demo web app",
            "token_endpoint_auth_method": "none",
            "grant_types": ["authorization_code", "refresh_token"],
            "redirect_uris": [REDIRECT_URI],
            "post_logout_redirect_uris": [LOGOUT_URI],
            "scope": "openid profile email offline_access orders",
        },
        {
            "client_id": "demo-app",
            "client_secret": SECRETS["demo-app"],
            "client_name": "Demo app (OpenID Connect)",
            "profile": "oidc",
            "grant_types": ["authorization_code", "refresh_token"],
            "redirect_uris": [REDIRECT_URI],
            "post_logout_redirect_uris": [LOGOUT_URI],
            "scope": "openid profile email address phone offline_access",
        },
    ],
}

_PLAYGROUND_CLIENTS: Final[Mapping[str, Mapping[str, object]]] = {
    "playground-youzan": {"dialect": "youzan", "scope": "shop item trade", "shops": ["88888"]},
    "playground-platform": {"dialect": "open_platform", "scope": "profile orders"},
    "playground-fantem": {"dialect": "fantem", "token_endpoint_auth_method": "none", "scope": "devices"},
    "playground-web": {
        "token_endpoint_auth_method": "none",
        "grant_types": ["authorization_code", "refresh_token"],
        "scope": "openid profile email offline_access",
    },
    "playground-key": {
        "profile": "oidc",
        "token_endpoint_auth_method": "private_key_jwt",
        "grant_types": ["authorization_code", "refresh_token"],
        "scope": "openid profile email offline_access",
    },
}


def playground_document(client_id: str, redirect_uri: str, jwks: Mapping[str, object]) -> Mapping[str, object]:
    """Return what declares one of the playground's clients, whose answers come back to the sandbox itself; ``jwks`` is for one that signs.

    They are clients of their own: a demo client with a second redirect URI would have to name one in each request, which its
    document does not demand.
    """
    declared = _PLAYGROUND_CLIENTS[client_id]
    secret = {"client_secret": PLAYGROUND_SECRETS[client_id]} if client_id in PLAYGROUND_SECRETS else {}
    keys = {"jwks": jwks} if declared.get("token_endpoint_auth_method") == PRIVATE_KEY_JWT else {}
    leaving = {"post_logout_redirect_uris": [redirect_uri]} if "dialect" not in declared else {}
    return {
        "clients": [
            {"client_id": client_id, "client_name": "Playground", "redirect_uris": [redirect_uri], **secret, **keys, **leaving, **declared}
        ]
    }


def published_secret(client: Client) -> str:
    """Return the client's secret where it is the one that everybody knows, else nothing."""
    known = {**SECRETS, **PLAYGROUND_SECRETS}.get(client.client_id, "")
    return known if known and any(one.secret_hash == digest(known) for one in client.secrets) else ""
