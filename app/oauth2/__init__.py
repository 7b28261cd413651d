"""The engine: Authlib's grant classes decide over facts, and what they decide to write comes back as a list.

No await, no HTTP and no SQL in this room. The front door is :class:`AuthorizationServer`.
"""

from app.oauth2.needs import needs_of
from app.oauth2.server import AuthorizationServer

__all__ = ["AuthorizationServer", "needs_of"]
