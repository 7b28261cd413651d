"""One whole login without a browser: starts a sandbox, goes the code flow with PKCE, and prints what an app gets, decoded."""

import base64
import json
import os
import shlex
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
from pytest_tokenry import Client, TokenryError, running

ROOT = Path(__file__).parents[1]


def claims(token: str) -> dict[str, Any]:
    """Return the claims of a signed token, unchecked."""
    return dict(json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "==")))


def show(title: str, members: object) -> None:
    """Print a step and what came of it."""
    sys.stdout.write(f"\n{title}\n{json.dumps(members, indent=2, ensure_ascii=False)}\n")


def main() -> int:
    """Go the flow; return the exit code."""
    os.environ.setdefault("TOKENRY_COMMAND", shlex.join(["env", f"PYTHONPATH={ROOT}", sys.executable, "-m", "app"]))
    app = Client(client_id="demo-web", redirect_uris=["http://127.0.0.1:9401/cb"], token_endpoint_auth_method="none")
    with running() as sandbox:
        show(
            "1. What the server says of itself",
            {"issuer": sandbox.metadata()["issuer"], "token_endpoint": sandbox.metadata()["token_endpoint"]},
        )
        answer = sandbox.login(app, "demo", scope="openid profile email offline_access orders", nonce="n-0S6_WzA2Mj")
        show("2. The person demo logged in and allowed the app; it redeemed its code for", answer)
        show("3. The ID token says", claims(answer["id_token"]))
        show("4. /userinfo says", sandbox.get("/userinfo", answer["access_token"])[1])
        fresh = sandbox.refresh(app, answer["refresh_token"])
        show("5. The refresh token was replaced", {"refresh_token": fresh["refresh_token"], "expires_in": fresh["expires_in"]})
        sandbox.advance(hours=1, seconds=1)
        status, refused = sandbox.get("/userinfo", fresh["access_token"])
        show(f"6. An hour later the access token is refused ({status})", refused)
        last = sandbox.requests[-1]["explanation"]
        show("7. and the sandbox explains why", {name: last[name] for name in ("cause", "meaning", "rule", "fix")})
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except TokenryError as problem:
        sys.stderr.write(f"demo: {problem}\n")
        sys.exit(1)
