"""Where a page of the sandbox is."""

from urllib.parse import urlsplit

from starlette.requests import Request

from app.sandbox.views import Place
from app.sandbox.worlds import World


def place_of(world: World, request: Request) -> Place:
    """Return where a page of a namespace is."""
    issuer = urlsplit(world.issuer)
    is_elsewhere = request.headers.get("host", "") != issuer.netloc
    return Place(
        issuer=world.issuer,
        base=issuer.path,
        namespace=world.name,
        elsewhere=f"{issuer.scheme}://{issuer.netloc}" if is_elsewhere else "",
        time=f"{world.clock.now():%Y-%m-%d %H:%M:%S} UTC" if world.clock.is_moved else "",
    )
