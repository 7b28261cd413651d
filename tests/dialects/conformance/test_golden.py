"""Every golden, on SQLite and PostgreSQL, through the direct and the routed way in; and that every row of the contract has one."""

from collections import Counter

import pytest

from tests.dialects.conformance.golden import Golden, Player, all_goldens
from tests.fixtures.world import World

GOLDENS = all_goldens()

# The rows of the contract's tables and its sentences that a POST door reaches, section by section.
ROWS = """
0 POST only
0 the query is never read
0 no credentials in the query
0 unknown parameters are ignored
0 empty = absent
0 repeated parameters
0 absent where required
0 Basic and body
0 charset and Content-Encoding
0 several boundaries
0 encoding never chooses a dialect
0 strict UTF-8
0 no NUL or control character
0 bounds
0 multipart
0 a media type that the door's dialects do not take
0 a scope beyond the registration
0 order of checks
0 401 challenge
0 429 and 503
0 500
0 one answer for unknown client and wrong secret
0 an authenticated client at a door that its dialect does not own
0 standard token door
0 introspection
0 revocation
0 bound to client and dialect
0 options start once the client is authenticated
0 429, 500 and 503 keep their status under every option
0 a rotated refresh token gets its full life anew
0 the family ceiling
0 a replay ends the family
0 grace
0 a lost race
0 a stranger's attempt burns nothing
0 a code or refresh token of a confidential client without authentication
1 token
1 refresh
1 credentials in the JSON only
1 application/json with any charset
1 client_name
1 the token acts for exactly one store
1 a second token call leaves the first token alive
1 bearer
1 an expired access token may be renewed while its refresh token lives
1 not capped by the refresh token's end
1 expires_format
1 always_http_200
1 error: body
1 error: transport
1 error: client
1 error: client of another dialect
1 error: store
1 error: bearer
1 error: refresh_token
1 error: too many requests
1 error: storage away
1 error: fault of ours
2 authorize_platform
2 authorize_platform + kdt_id
2 silent
2 authorization_code
2 refresh_token
2 kdt_id
2 no platform app
2 the init token never acts for a shop
2 code 600 s
2 errors: client
3 authorization_code
3 password
3 client_credentials
3 refresh_token
3 own grant_type
3 client_secret required
3 JSON as a courtesy
3 redirect_uri at the exchange
3 code 600 s
3 envelope: success
3 envelope: user
3 envelope: wrong grant_type
3 envelope: missing parameter, bad code or redirect_uri
3 envelope: refresh token
3 envelope: scope
4 authorization_code
4 refresh_token
4 compared case-sensitively
4 no fixed end, an idle limit
4 refresh_rule
4 client_id may be absent only for a public client
4 redirect_uri
4 PKCE
4 failure: grant_type
4 failure: refresh token
4 failure: code
4 code 600 s
5 the client decides
5 without a client, the record decides, for a public client only
5 an unknown client needs no dialect
5 a grant of the other vendor
5 relaxed rules stay inside the dialect
"""


@pytest.mark.parametrize("golden", [golden.parameter() for golden in GOLDENS])
async def test_the_answer_is_byte_for_byte_the_one_of_the_contract(world: World, golden: Golden) -> None:
    await Player(world).play(golden)


def test_every_row_of_the_contract_has_a_golden() -> None:
    assert {golden.row for golden in GOLDENS} == set(ROWS.strip().splitlines())


def test_every_golden_has_a_name_of_its_own() -> None:
    assert [name for name, times in Counter(golden.id for golden in GOLDENS).items() if times > 1] == []
