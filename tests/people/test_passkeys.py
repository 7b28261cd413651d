"""Passkeys, from the page that adds them to the login that needs nothing else."""

import asyncio
import json
from typing import Any, Final

import cbor2
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from app.browser.passkeys import MAXIMUM
from app.models import Passkey, User
from tests.fixtures.authenticator import BACKED_UP, EDDSA, ELIGIBLE, ES256, PRESENT, RS256, VERIFIED, Authenticator
from tests.fixtures.visits import Visit
from tests.fixtures.world import CALLBACK, CHALLENGE, ISSUER, World
from tests.people.conftest import PASSWORD, OpenVisit
from tests.people.test_second_factor import LIMIT, set_up

PASSKEYS: Final = "/account/passkeys"


def options(visit: Visit) -> str:
    """What the page asks authenticators for."""
    (area,) = [element for element in visit.page.all("div") if "data-passkey" in element.attributes]
    assert "hidden" in area.attributes, "without scripts nobody is offered what needs them"
    return area.attributes["data-options"]


async def add(visit: Visit, person: str, device: Authenticator | None = None, name: str = "My laptop", **bent: Any) -> Authenticator:
    """Log in where nobody is, make a passkey, and add it."""
    device = device or Authenticator(ISSUER)
    await visit.go(PASSKEYS)
    if visit.path != PASSKEYS:
        await visit.log_in(person, PASSWORD)
    await visit.go(PASSKEYS)
    await visit.send({"credential": device.create(options(visit), **bent), "name": name})
    return device


async def use(visit: Visit, device: Authenticator, **bent: Any) -> Visit:
    """Sign in with a passkey, from the login page that is shown or a fresh one."""
    if not hasattr(visit, "answer") or not visit.path.startswith("/login"):
        await visit.go("/login")
    return await visit.send({"credential": device.get(options(visit), **bent)})


async def user_of(world: World, person: str) -> User:
    user = await world.storage.look(lambda catalog: catalog.user_by_login(person))
    assert user is not None
    return user


async def passkeys_of(world: World, person: str) -> list[Passkey]:
    user = await user_of(world, person)
    return await world.storage.look(lambda catalog: catalog.passkeys_of(user.id))


async def latest_amr(world: World, person: str) -> list[str]:
    user = await user_of(world, person)
    sessions = await world.storage.look(lambda catalog: catalog.sessions_of(user.id))
    return max(sessions, key=lambda session: session.created_at).amr


# -- adding --------------------------------------------------------------------------------------------------------------------------


async def test_the_page_asks_for_a_discoverable_key_that_knows_its_person(visit: Visit, person: str) -> None:
    await visit.log_in(person, PASSWORD)
    await visit.go(PASSKEYS)
    asked = json.loads(options(visit))
    user = await user_of(visit.world, person)
    assert asked["rp"] == {"id": "id.example.com", "name": "Tokenry"}
    assert (asked["user"]["name"], asked["user"]["displayName"]) == (person, person)
    assert asked["authenticatorSelection"] == {"residentKey": "required", "requireResidentKey": True, "userVerification": "required"}
    assert {entry["alg"] for entry in asked["pubKeyCredParams"]} == {ES256, EDDSA, RS256}
    assert (asked["attestation"], asked["timeout"], asked["excludeCredentials"]) == ("none", 300_000, [])
    device = await add(visit, person)
    assert device.credentials[0].user_handle == user.id.encode()
    (known,) = json.loads(options(visit))["excludeCredentials"]
    assert known["transports"] == ["hybrid", "internal"]
    await visit.go("/login")
    login = json.loads(options(visit))
    assert (login["rpId"], login["userVerification"], login["allowCredentials"]) == ("id.example.com", "required", [])
    assert login["challenge"] != json.loads(options(await visit.go("/login")))["challenge"]


@pytest.mark.parametrize("algorithm", [ES256, EDDSA, RS256])
async def test_a_passkey_is_added_shown_and_lets_in(visit: Visit, visits: OpenVisit, person: str, algorithm: int) -> None:
    device = await add(visit, person, Authenticator(ISSUER, algorithm=algorithm), "  My   laptop\u202e ")
    assert visit.path == f"{PASSKEYS}?done=passkey_added"
    assert "The passkey was added." in visit.answer.text
    assert "My laptop" in visit.answer.text
    visit.world.clock.move(minutes=1)
    fresh = await use(await visits(), device)
    assert (fresh.path, fresh.answer.status_code) == ("/account", 200)
    assert "1 passkey" in fresh.answer.text
    (passkey,) = await passkeys_of(visit.world, person)
    assert (passkey.name, passkey.sign_count, passkey.last_used_at) == ("My laptop", 1, visit.world.clock.now())


async def test_a_passkey_without_a_name_gets_that_of_the_browser(visits: OpenVisit, person: str) -> None:
    visit = await visits(user_agent="Mozilla/5.0 (Macintosh) Firefox/150")
    await add(visit, person, name=" \u200b ")
    await add(visit, person, name="a" * 500)
    strange = await visits(user_agent="curious")
    await add(strange, person, name="")
    assert {passkey.name for passkey in await passkeys_of(visit.world, person)} == {"Firefox · Mac", "a" * 80, "Passkey"}


async def test_what_proves_nothing_is_not_added(visit: Visit, visits: OpenVisit, person: str) -> None:
    await visit.log_in(person, PASSWORD)
    await visit.go(PASSKEYS)
    asked, device = options(visit), Authenticator(ISSUER)
    login = options(await (await visits()).go("/login"))
    other = await visits()
    await other.log_in(person, PASSWORD)
    elsewhere = options(await other.go(PASSKEYS))
    login_challenge, other_challenge = json.loads(login)["challenge"], json.loads(elsewhere)["challenge"]
    answers = [
        device.create(asked, origin="https://evil.example"),
        device.create(asked, origin=f"{ISSUER}:8443"),
        device.create(asked, rp_id="example.com"),
        device.create(asked, type="webauthn.get"),
        device.create(asked, crossOrigin=True),
        device.create(asked, topOrigin="https://evil.example"),
        device.create(asked, challenge="AAAA"),
        device.create(asked, challenge=login_challenge),
        device.create(asked, challenge=other_challenge),
        device.create(asked, flags=PRESENT),
        device.create(asked, flags=VERIFIED),
        device.create(asked, flags=PRESENT | VERIFIED | BACKED_UP),
        device.create(asked, fmt="packed"),
        device.create(asked, fmt="fido-u2f", statement={"sig": b"x", "x5c": [b"y"]}),
        device.create(asked, fmt="tpm", statement={"sig": 1}),
        device.create(asked, fmt="unheard-of"),
        device.create(asked, public_key={1: 2, 3: -65535}),
        device.create(asked, public_key=[]),
        device.create(asked, id=b"x" * 1024),
        device.create(asked, attestation=b"\xff"),
        device.create(asked, attestation=cbor2.dumps([[]])),
        *("", "null", "[]", "{}", '{"id":"AA"}', '{"id":1,"response":{}}', "[" * 5000, '{"response":{"clientDataJSON":"e30"},"id":"AA"}'),
    ]
    for answer in answers:
        await visit.send({"credential": answer, "name": "x"})
        assert visit.answer.status_code == 400, answer
        assert "That passkey could not be used" in visit.problem
    assert await passkeys_of(visit.world, person) == []


async def test_an_answer_waits_five_minutes_and_is_taken_once(visit: Visit, visits: OpenVisit, person: str) -> None:
    device = await add(visit, person)
    answer = device.create(options(visit))
    await visit.send({"credential": answer, "name": "once"})
    assert visit.path == f"{PASSKEYS}?done=passkey_added"
    await visit.send({"credential": answer, "name": "twice"})
    assert visit.answer.status_code == 400
    late = device.create(options(visit))
    visit.world.clock.move(minutes=5)
    await visit.send({"credential": late, "name": "late"})
    assert "open for too long" in visit.problem
    assert {passkey.name for passkey in await passkeys_of(visit.world, person)} == {"My laptop", "once"}


async def test_a_credential_that_somebody_has_is_not_added_again(visit: Visit, visits: OpenVisit, person: str) -> None:
    device = await add(visit, person)
    name = f"{person}-other"
    await visit.world.declare(f'[[users]]\nusername = "{name}"\npassword = "{PASSWORD}"\n')
    other = await visits()
    await add(other, name, id=device.credentials[0].id)
    assert other.answer.status_code == 400
    assert await passkeys_of(visit.world, name) == []


async def test_there_is_an_end_to_adding(visit: Visit, person: str) -> None:
    device = await add(visit, person)
    for _ in range(MAXIMUM - 2):
        await visit.send({"credential": device.create(options(visit)), "name": "one more"})
    last, beyond = device.create(options(visit)), device.create(options(visit))
    page = visit.answer
    await visit.send({"credential": last, "name": "the last"})
    assert not [element for element in visit.page.all("div") if "data-passkey" in element.attributes]
    visit.answer = page
    await visit.send({"credential": beyond, "name": "beyond"})
    assert visit.answer.status_code == 400
    assert len(await passkeys_of(visit.world, person)) == MAXIMUM


@pytest.mark.security("LG-05", "LG-14")
async def test_the_page_is_for_who_has_just_logged_in_and_its_forms_for_it_alone(visit: Visit, person: str) -> None:
    assert (await visit.go(PASSKEYS)).path == "/login?to=passkeys"
    device = await add(visit, person)
    for forged in ({"csrf": "x"}, {}):
        await visit.send(
            {"credential": device.create(options(visit)), "name": "x", **forged}, **({} if forged else {"origin": "https://evil.example"})
        )
        assert "open for too long" in visit.problem
    assert len(await passkeys_of(visit.world, person)) == 1
    visit.world.clock.move(minutes=10)
    assert (await visit.go(PASSKEYS)).path == "/login?to=passkeys"
    await visit.log_in(person, PASSWORD)
    assert visit.path == PASSKEYS


async def test_a_removed_passkey_lets_nobody_in(visit: Visit, visits: OpenVisit, person: str) -> None:
    device = await add(visit, person)
    (passkey,) = await passkeys_of(visit.world, person)
    name = f"{person}-other"
    await visit.world.declare(f'[[users]]\nusername = "{name}"\npassword = "{PASSWORD}"\n')
    other = await visits()
    await add(other, name)
    for stranger in (passkey.credential_id.hex(), "zz", "", "é"):
        await other.send({"remove": stranger})
        assert other.path == PASSKEYS
    assert len(await passkeys_of(visit.world, person)) == 1, "others cannot"
    await visit.send({"remove": passkey.credential_id.hex()})
    assert visit.path == f"{PASSKEYS}?done=passkey_removed"
    assert await passkeys_of(visit.world, person) == []
    fresh = await use(await visits(), device)
    assert (fresh.answer.status_code, fresh.session) == (401, None)


# -- logging in ----------------------------------------------------------------------------------------------------------------------


@pytest.mark.rfc("8176", "2")
@pytest.mark.parametrize(("synced", "word"), [(0, "hwk"), (ELIGIBLE, "swk"), (ELIGIBLE | BACKED_UP, "swk")])
async def test_the_session_tells_how_somebody_came_in(visit: Visit, visits: OpenVisit, person: str, synced: int, word: str) -> None:
    device = await add(visit, person, Authenticator(ISSUER, flags=PRESENT | VERIFIED | synced))
    visit.world.clock.move(minutes=1)
    await use(await visits(), device)
    assert await latest_amr(visit.world, person) == [word, "user", "mfa"]


async def test_a_passkey_goes_on_to_the_app_and_counts_as_both_steps(visit: Visit, visits: OpenVisit, person: str) -> None:
    await set_up(visit, person)
    device = await add(visit, person)
    visit.world.clock.move(minutes=1)
    fresh = await visits()
    query = {"response_type": "code", "client_id": "demo-spa", "redirect_uri": CALLBACK, "state": "s", "prompt": "login"}
    await fresh.go("/authorize", **query, code_challenge=CHALLENGE, code_challenge_method="S256")
    await use(fresh, device)
    assert fresh.path.startswith("/consent?")
    await fresh.go("/account/second-factor")
    assert fresh.title == "Two-step sign-in", "and for a fresh login"


@pytest.mark.security("LG-08")
async def test_whatever_is_wrong_looks_like_a_wrong_password(visit: Visit, visits: OpenVisit, person: str) -> None:
    device = await add(visit, person)
    visit.world.clock.move(minutes=1)
    fresh, other = await visits(), await visits()
    await fresh.log_in(person, "wrong")
    wrong = fresh.problem
    assert fresh.answer.status_code == 401
    unknown = Authenticator(ISSUER)
    unknown.create(json.dumps({"user": {"id": "eA"}, "rp": {"id": "id.example.com"}, "challenge": "eA"}))
    asked = options(fresh)
    creation = json.loads(options(await visit.go(PASSKEYS)))["challenge"]
    elsewhere = json.loads(options(await other.go("/login")))["challenge"]
    answers = {
        "another origin": device.get(asked, origin="https://evil.example"),
        "plain http": device.get(asked, origin="http://id.example.com"),
        "another party": device.get(asked, rp_id="evil.example"),
        "another ceremony": device.get(asked, type="webauthn.create"),
        "in a frame": device.get(asked, crossOrigin=True),
        "a made-up challenge": device.get(asked, challenge="AAAA"),
        "the challenge of another purpose": device.get(asked, challenge=creation),
        "the challenge of another browser": device.get(asked, challenge=elsewhere),
        "nobody verified": device.get(asked, flags=PRESENT),
        "nobody present": device.get(asked, flags=VERIFIED),
        "another key": device.get(asked, sign=ec.generate_private_key(ec.SECP256R1())),
        "another person": device.get(asked, user_handle=b"somebody"),
        "nobody": device.get(asked, user_handle=b""),
        "an unknown passkey": unknown.get(asked),
        "no answer": "",
        "no object": "[]",
        "an empty one": "{}",
        "a deep one": "[" * 20_000,
    }
    for what, answer in answers.items():
        await fresh.send({"credential": answer})
        assert (fresh.answer.status_code, fresh.problem, fresh.session) == (401, wrong, None), what
    (passkey,) = await passkeys_of(visit.world, person)
    assert passkey.last_used_at is None
    user = await user_of(visit.world, person)
    user.disabled_at = visit.world.clock.now()
    await visit.world.storage.transact(lambda catalog: catalog.put_user(user))
    await fresh.send({"credential": device.get(options(fresh))})
    assert (fresh.answer.status_code, fresh.problem, fresh.session) == (401, wrong, None)
    assert {event.detail is not None for event in visit.world.notes.events if event.cause == "login_wrong"} == {True, False}


async def test_a_challenge_waits_five_minutes_and_is_good_once(visit: Visit, visits: OpenVisit, person: str) -> None:
    device = await add(visit, person, Authenticator(ISSUER, counts=0))
    fresh, thief = await visits(), await visits()
    await fresh.go("/login")
    visit.world.clock.move(minutes=4, seconds=59)
    answer = device.get(options(fresh))
    page = fresh.answer
    await fresh.send({"credential": answer})
    assert fresh.path == "/account", "authenticators that count nothing are taken"
    thief.client.cookies.set("__Host-tokenry_browser", fresh.client.cookies["__Host-tokenry_browser"], domain="id.example.com")
    await thief.go("/login")
    await thief.send({"credential": answer})
    assert (thief.answer.status_code, thief.session) == (400, None), "the browser's cookie and its answer are worth nothing any more"
    fresh.answer = page
    fresh.client.cookies.delete("__Host-tokenry_session")
    await fresh.send({"credential": answer})
    assert (fresh.answer.status_code, fresh.session) == (400, None)
    visit.world.clock.move(seconds=1)
    await use(await fresh.go("/login"), device)
    assert fresh.path == "/account"
    late = await (await visits()).go("/login")
    visit.world.clock.move(minutes=5)
    await use(late, device)
    assert late.answer.status_code == 400
    assert "open for too long" in late.problem


@pytest.mark.parametrize("counts", [0, 1])
async def test_an_answer_that_is_sent_many_times_at_once_lets_in_once(visit: Visit, visits: OpenVisit, person: str, counts: int) -> None:
    device = await add(visit, person, Authenticator(ISSUER, counts=counts))
    visit.world.clock.move(minutes=1)
    fresh = await (await visits()).go("/login")
    copies = [await visits() for _ in range(4)]
    for copy in copies:
        copy.client.cookies.update(fresh.client.cookies)
        copy.answer = fresh.answer
    visit.world.clock.move(seconds=1)
    answer = device.get(options(fresh))
    await asyncio.gather(*(copy.send({"credential": answer}) for copy in copies))
    assert sum(copy.session is not None for copy in copies) == 1


@pytest.mark.rfc("WebAuthn", "6.1.1")
async def test_a_copy_of_an_authenticator_is_noticed_by_its_count(visit: Visit, visits: OpenVisit, person: str) -> None:
    device = await add(visit, person)
    visit.world.clock.move(minutes=1)
    await use(await visits(), device, count=7)
    for count, status in ((7, 401), (3, 401), (0, 401), (8, 200)):
        visit.world.clock.move(minutes=1)
        fresh = await use(await visits(), device, count=count)
        assert fresh.answer.status_code == status, count


@pytest.mark.security("LG-05")
async def test_an_answer_from_elsewhere_logs_nobody_in(visit: Visit, visits: OpenVisit, person: str) -> None:
    device = await add(visit, person)
    visit.world.clock.move(minutes=1)
    fresh = await (await visits()).go("/login")
    await fresh.send({"credential": device.get(options(fresh)), "csrf": "x"})
    assert (fresh.answer.status_code, fresh.session) == (400, None)
    await fresh.send({"credential": device.get(options(fresh))}, **{"sec-fetch-site": "cross-site"})
    assert (fresh.answer.status_code, fresh.session) == (400, None)


@pytest.mark.security("BF-06")
async def test_wrong_passwords_do_not_keep_a_passkey_out_and_it_does_not_clear_them(visit: Visit, visits: OpenVisit, person: str) -> None:
    device = await add(visit, person)
    stranger = await visits()
    for _ in range(LIMIT + 1):
        await stranger.log_in(person, "wrong")
    assert stranger.answer.status_code == 429
    visit.world.clock.move(minutes=1)
    fresh = await use(await visits(), device)
    assert fresh.path == "/account"
    await stranger.log_in(person, PASSWORD)
    assert stranger.answer.status_code == 429
