"""The curl lines that the partners were given, as their documents print them."""

import json
import shlex
import subprocess
from typing import Any, Final

from tests.journeys.planting import CALLBACK

YOUZAN_INITIAL: Final = (
    "curl -X POST https://open.youzan.com/oauth/token -H 'content-type: application/x-www-form-urlencoded'"
    " -d 'client_id=testclient&client_secret=testsecret&grant_type=authorize_platform'"
)
YOUZAN_SHOP: Final = (
    "curl -X POST https://open.youzan.com/oauth/token -H 'content-type: application/x-www-form-urlencoded'"
    " -d 'client_id=testclient&client_secret=testsecret&grant_type=authorize_platform&kdt_id=88888'"
)
_FANTEM: Final = """\
curl -X POST \\
  http://openapi.fantem-gateway.com/oauth/token \\
  -H 'Cache-Control: no-cache' \\
  -H 'Postman-Token: f503af8e-d622-1cd0-244d-37de65bf52f2' \\
  -H 'content-type: multipart/form-data; boundary=----WebKitFormBoundary7MA4YWxkTrZu0gW' \\
  -F grant_type=authorization_code \\
  -F client_id=xxxxxxxxxxxxxxxxx \\
  -F code=bcb09cffbe2c4d31 \\
  -F redirect_uri=xxxxxxxxxxx"""


def fantem_line(url: str, client_id: str, code: str) -> str:
    """Return Fantem's line with its placeholders filled in."""
    return (
        _FANTEM.replace("http://openapi.fantem-gateway.com", url)
        .replace("client_id=xxxxxxxxxxxxxxxxx", f"client_id={client_id}")
        .replace("redirect_uri=xxxxxxxxxxx", f"redirect_uri={CALLBACK}")
        .replace("bcb09cffbe2c4d31", code)
    )


def curl(line: str, *more: str) -> tuple[int, Any]:
    """Run a curl line and return the status and the JSON of its answer."""
    command = [*shlex.split(line.replace("\\\n", " ")), *more, "--silent", "--max-time", "10", "--write-out", "\n%{http_code}"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    body, _, status = done.stdout.rpartition("\n")
    return int(status), json.loads(body)
