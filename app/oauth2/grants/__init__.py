"""The grants: one file per ``grant_type``, each what it needs to load and one Authlib class."""

from app.oauth2.grants import authorization_code, client_credentials, password, refresh_token

GRANTS = (
    authorization_code.AuthorizationCodeGrant,
    client_credentials.ClientCredentialsGrant,
    password.PasswordGrant,
    refresh_token.RefreshTokenGrant,
)
NEEDS = {
    "authorization_code": authorization_code.needs,
    "client_credentials": client_credentials.needs,
    "password": password.needs,
    "refresh_token": refresh_token.needs,
}
