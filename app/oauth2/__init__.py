"""The engine: Authlib's grant classes decide over facts, and what they decide to write comes back as a list.

No await, no HTTP and no SQL in this room. The front door is :class:`AuthorizationServer`.
"""

import logging

from app.oauth2.authorization_exchange import FORM_POST
from app.oauth2.client_assertion import Assertions
from app.oauth2.needs import needs_of
from app.oauth2.presented import presented_jwt
from app.oauth2.server import AuthorizationServer
from app.oauth2.subjects import Subjects, session_name

__all__ = ["FORM_POST", "Assertions", "AuthorizationServer", "Subjects", "needs_of", "presented_jwt", "session_name"]

# Below warnings Authlib's grants print whole tokens. A filter on the loggers holds whatever level anybody sets later.
for _name in ("authorization_code", "client_credentials", "implicit", "refresh_token", "resource_owner_password_credentials"):
    logging.getLogger(f"authlib.oauth2.rfc6749.grants.{_name}").addFilter(lambda record: record.levelno >= logging.WARNING)
