"""The response types of the authorization endpoint: one file for each, and in it one Authlib class."""

from app.oauth2.response_types import code, token

RESPONSE_TYPES = {"code": code.CodeGrant, "token": token.ImplicitGrant}
