"""The response types of the authorization endpoint, and the Authlib class behind each."""

from app.oauth2.response_types import code, openid, token

RESPONSE_TYPES = {
    "code": code.CodeGrant,
    "token": token.ImplicitGrant,
    **dict.fromkeys(("id_token", "id_token token"), openid.IdTokenGrant),
    **dict.fromkeys(("code id_token", "code token", "code id_token token"), openid.HybridGrant),
}
