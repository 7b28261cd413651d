"""Which paths are the sandbox's own: every other one is the application's that ``serve`` runs."""

from typing import Final

WORLD: Final = "tokenry.world"
"""Under this name a request has its namespace in ASGI's scope."""
BASE: Final = "/sandbox/api"
"""Where the control API is."""
HOME: Final = "/"
INSPECTOR: Final = "/sandbox/inspector"
PLAYGROUND: Final = "/sandbox/playground"
CALLBACK: Final = "/sandbox/callback"
STATIC: Final = "/sandbox/static"
_FOLDERS: Final = tuple(f"{path}/" for path in (INSPECTOR, PLAYGROUND, STATIC))


def is_page(method: str, path: str) -> bool:
    """Whether a request is for a page of the sandbox, or what belongs to one."""
    if method in {"GET", "HEAD"}:
        return path in {HOME, INSPECTOR, PLAYGROUND, CALLBACK} or path.startswith(_FOLDERS)
    return is_brought(method, path)


def is_brought(method: str, path: str) -> bool:
    """Whether a request brings an answer by a form (OAuth 2.0 Form Post Response Mode §2): it is shown, and changes nothing."""
    return method == "POST" and path == CALLBACK
