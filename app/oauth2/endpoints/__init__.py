"""The endpoints beside the token endpoint that a client calls: one file each."""

from app.oauth2.endpoints import introspection, revocation, userinfo

ENDPOINTS = (introspection.IntrospectionEndpoint, revocation.RevocationEndpoint, userinfo.UserInfoEndpoint)
