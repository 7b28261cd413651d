"""Two-step sign-in, from the page that sets it up to the login that demands it."""

import asyncio
import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import pyotp
import pytest

from app.admin import set_password
from app.browser.totp import TotpSecrets
from app.core.secrets import unseal
from app.ledger import StorageUnavailable
from app.models import Session, User
from app.storage import Catalog
from tests.fixtures.server import SECRET_KEY
from tests.fixtures.visits import Visit
from tests.fixtures.world import CALLBACK, CHALLENGE, World
from tests.people.conftest import PASSWORD, OpenVisit

SETTINGS: Final = "/account/second-factor"
LIMIT: Final = 10
STEP: Final = 30


@dataclass
class Phone:
    """Somebody's authenticator app, and the sheet with their recovery codes."""

    secret: str
    world: World
    codes: list[str]

    def code(self, *, steps: int = 0) -> str:
        """The code that it shows, or showed or will show some steps away."""
        return pyotp.TOTP(self.secret).at(self.world.clock.now(), counter_offset=steps)


def shown_codes(visit: Visit) -> list[str]:
    return [element.text for element in visit.page.all("code")]


async def set_up(visit: Visit, person: str) -> Phone:
    """Log in and turn the second step on."""
    await visit.log_in(person, PASSWORD)
    await visit.go(SETTINGS)
    (secret,) = [element.text.replace(" ", "") for element in visit.page.all("code")]
    phone = Phone(secret, visit.world, [])
    await visit.send({"code": phone.code()})
    assert visit.title == "Recovery codes", visit.problem
    phone.codes = shown_codes(visit)
    visit.world.clock.move(seconds=STEP)
    return phone


async def user_of(world: World, person: str) -> User:
    user = await world.storage.look(lambda catalog: catalog.user_by_login(person))
    assert user is not None
    return user


async def sessions_of(world: World, person: str) -> list[Session]:
    user = await user_of(world, person)
    return await world.storage.look(lambda catalog: catalog.sessions_of(user.id))


# -- turning it on -----------------------------------------------------------------------------------------------------------


async def test_set_up_shows_a_secret_as_a_picture_a_link_and_a_text(visit: Visit, person: str) -> None:
    await visit.log_in(person, PASSWORD)
    await visit.go(SETTINGS)
    assert visit.answer.status_code == 200
    (secret,) = [element.text.replace(" ", "") for element in visit.page.all("code")]
    assert re.fullmatch(r"[A-Z2-7]{32}", secret)
    (uri,) = [link.attributes["href"] for link in visit.page.all("a") if link.attributes["href"].startswith("otpauth:")]
    assert uri == f"otpauth://totp/Tokenry:{person}?secret={secret}&issuer=Tokenry"
    assert any(element.attributes.get("class") == "qr" for element in visit.page.all("div"))
    assert "svg" in {element.tag for element in visit.page.elements}
    await visit.go(SETTINGS)
    assert secret not in visit.answer.text.replace(" ", ""), "every set-up has a secret of its own"


@pytest.mark.rfc("6238", "4")
async def test_the_first_right_code_turns_it_on_and_shows_ten_recovery_codes_once(visit: Visit, person: str) -> None:
    phone = await set_up(visit, person)
    assert len(set(phone.codes)) == 10
    assert all(re.fullmatch(r"([0-9a-hjkmnp-tv-z]{4}-){3}[0-9a-hjkmnp-tv-z]{4}", code) for code in phone.codes)
    assert "Two-step sign-in is on." in visit.answer.text
    user = await user_of(visit.world, person)
    assert user.second_factor_at is not None
    for path in (SETTINGS, "/account"):
        await visit.go(path)
        assert visit.answer.status_code == 200
        assert "10 recovery codes left" in visit.answer.text
        assert not any(code in visit.answer.text for code in phone.codes)


async def test_what_was_done_is_told_whatever_comes_after_it(visit: Visit, person: str) -> None:
    """The try is counted, and then one transaction does all the rest: no later write may fail and hide it."""
    changed, commits = "another-password-of-theirs", visit.world.storage.commits
    later = [None, StorageUnavailable("after it was done")]
    commits.extend(later)
    await visit.log_in(person, PASSWORD)
    assert visit.path == "/account"
    commits.clear()
    await visit.go("/account/password")
    commits.extend(later)
    await visit.send({"current_password": PASSWORD, "new_password": changed, "repeated_password": changed})
    assert visit.answer.status_code == 200
    commits.clear()
    await visit.go("/login?switch=yes")
    await visit.log_in(person, changed)
    await visit.go(SETTINGS)
    (secret,) = [element.text.replace(" ", "") for element in visit.page.all("code")]
    commits.extend(later)
    await visit.send({"code": Phone(secret, visit.world, []).code()})
    commits.clear()
    assert visit.title == "Recovery codes"
    assert len(shown_codes(visit)) == 10


async def test_a_wrong_code_turns_nothing_on_and_keeps_the_secret_that_was_scanned(visit: Visit, person: str) -> None:
    await visit.log_in(person, PASSWORD)
    await visit.go(SETTINGS)
    secrets = shown_codes(visit)
    for wrong in ("000000", "abcdef", "", "1234567", "\uff11\uff12\uff13"):
        await visit.send({"code": wrong})
        assert visit.answer.status_code == 401
        assert "That code is not right" in visit.problem
        assert shown_codes(visit) == secrets
    assert (await user_of(visit.world, person)).second_factor_at is None
    await visit.send({"code": pyotp.TOTP(secrets[0].replace(" ", "")).at(visit.world.clock.now())})
    assert visit.title == "Recovery codes"


async def test_a_set_up_waits_a_quarter_of_an_hour_for_this_session_and_no_other(visit: Visit, visits: OpenVisit, person: str) -> None:
    await visit.log_in(person, PASSWORD)
    await visit.go(SETTINGS)
    (secret,) = shown_codes(visit)
    stale = next(element.attributes["value"] for element in visit.page.all("input") if element.attributes["name"] == "setup")
    other = await visits()
    await other.log_in(person, PASSWORD)
    await other.go(SETTINGS)
    code = pyotp.TOTP(secret.replace(" ", "")).at(visit.world.clock.now())
    await other.send({"code": code, "setup": stale})
    assert "open for too long" in other.problem
    assert shown_codes(other) != [secret]
    for bent in (stale[:-8] + "AAAAAAAA", "", "é", "x" * 5000):
        await visit.send({"code": code, "setup": bent})
        assert "open for too long" in visit.problem
    await visit.go(SETTINGS)
    (secret,) = shown_codes(visit)
    form = visit.answer
    visit.world.clock.move(minutes=14, seconds=59)
    await visit.send({"code": pyotp.TOTP(secret.replace(" ", "")).at(visit.world.clock.now())})
    assert visit.title == "Recovery codes"
    visit.answer = form
    await visit.send({"code": "000000"})
    assert visit.path == SETTINGS, "sent once more by the browser's button"
    assert visit.title == "Two-step sign-in"


@pytest.mark.security("LG-09")
async def test_turning_it_on_changes_the_session_and_ends_all_others(visit: Visit, visits: OpenVisit, person: str) -> None:
    other = await visits()
    await other.log_in(person, PASSWORD)
    await visit.log_in(person, PASSWORD)
    before = visit.session
    (mine,) = [session for session in await sessions_of(visit.world, person) if session.user_agent][:1]
    await set_up(visit, person)
    assert visit.session != before
    (left,) = await sessions_of(visit.world, person)
    assert left.amr == ["pwd", "otp", "mfa"]
    assert (left.expires_at, left.created_at <= mine.created_at) == (left.created_at + timedelta(hours=12), True)
    await other.go("/account")
    assert other.path == "/login"
    assert (await visit.go("/account")).answer.status_code == 200
    stolen = await visits()
    stolen.client.cookies.set("__Host-tokenry_session", before or "", domain="id.example.com")
    assert (await stolen.go("/account")).path == "/login", "the old id opens nothing"


async def test_the_secret_is_sealed_at_rest(visit: Visit, person: str) -> None:
    phone = await set_up(visit, person)
    user = await user_of(visit.world, person)
    app = await visit.world.storage.look(lambda catalog: catalog.totp(user.id))
    assert app is not None
    assert phone.secret.encode() not in app.secret_sealed
    assert unseal(SECRET_KEY.encode()[:32], app.secret_sealed) is None
    codes = await visit.world.storage.look(lambda catalog: catalog.recovery_codes_of(user.id))
    assert {len(code.code_hash) for code in codes} == {32}


@pytest.mark.security("LG-05")
async def test_no_form_of_it_works_from_elsewhere(visit: Visit, person: str) -> None:
    await visit.log_in(person, PASSWORD)
    await visit.go(SETTINGS)
    code = pyotp.TOTP(shown_codes(visit)[0].replace(" ", "")).at(visit.world.clock.now())
    for forged in ({"csrf": "x"}, {}):
        await visit.send({"code": code, **forged}, **({} if forged else {"origin": "https://evil.example"}))
        assert visit.answer.status_code == 400
    assert (await user_of(visit.world, person)).second_factor_at is None
    await set_up(visit, person)
    for button in ({"second_factor": "off"}, {"recovery_codes": "new"}):
        await visit.go(SETTINGS)
        await visit.send({**button, "csrf": "x"})
        assert "open for too long" in visit.problem
    assert (await user_of(visit.world, person)).second_factor_at is not None


# -- a fresh login -----------------------------------------------------------------------------------------------------------


@pytest.mark.security("LG-14")
async def test_who_logged_in_a_while_ago_is_asked_again_and_comes_back(visit: Visit, person: str) -> None:
    await visit.log_in(person, PASSWORD)
    before = visit.session
    visit.world.clock.move(minutes=10)
    await visit.go(SETTINGS)
    assert visit.path == "/login?to=second-factor"
    assert "please confirm that it is you" in visit.answer.text
    assert any(element.attributes.get("value") == person for element in visit.page.all("input"))
    await visit.log_in(person, PASSWORD)
    assert (visit.path, visit.title) == (SETTINGS, "Set up two-step sign-in")
    assert visit.session != before
    for evil in ("//evil.example", "https://evil.example", "/account/second-factor", "\\evil"):
        await visit.go("/login", to=evil)
        await visit.log_in(person, PASSWORD)
        assert visit.path == "/account"


async def test_a_form_stays_good_a_little_longer_than_the_login_that_it_was_given_on(visit: Visit, person: str) -> None:
    phone = await set_up(visit, person)
    await visit.go(SETTINGS)
    visit.world.clock.move(minutes=12)
    await visit.send({"recovery_codes": "new"})
    assert visit.title == "Recovery codes"
    assert not set(shown_codes(visit)) & set(phone.codes)
    await visit.go("/account")
    assert "10 recovery codes left" in visit.answer.text
    visit.world.clock.move(minutes=4)
    await visit.go(SETTINGS)
    assert visit.path == "/login?to=second-factor"


async def test_the_way_to_the_settings_goes_through_the_second_step_where_it_is_on(visit: Visit, person: str) -> None:
    phone = await set_up(visit, person)
    visit.world.clock.move(minutes=11)
    await visit.go(SETTINGS)
    await visit.send({"username": person, "password": PASSWORD})
    assert visit.path.startswith("/login/second-factor?")
    await visit.send({"code": phone.code()})
    assert (visit.path, visit.title) == (SETTINGS, "Two-step sign-in")


@pytest.mark.security("LG-13")
async def test_a_changed_password_is_no_fresh_login(visit: Visit, person: str) -> None:
    """Who has a session and the password, and not the phone, must not come to the switch by changing the password."""
    phone = await set_up(visit, person)
    visit.world.clock.move(minutes=11)
    await visit.go("/account/password")
    new = "another-password-of-theirs"
    await visit.send({"current_password": PASSWORD, "new_password": new, "repeated_password": new})
    assert visit.answer.status_code == 200
    await visit.go(SETTINGS)
    assert visit.path == "/login?to=second-factor"
    await visit.log_in(person, new)
    await visit.send({"code": phone.code()})
    assert visit.path == SETTINGS


# -- turning it off ----------------------------------------------------------------------------------------------------------


@pytest.mark.security("LG-09")
async def test_turning_it_off_changes_the_session_and_ends_all_others(visit: Visit, visits: OpenVisit, person: str) -> None:
    phone = await set_up(visit, person)
    other = await visits()
    await other.log_in(person, PASSWORD)
    await other.send({"code": phone.code()})
    assert other.path == "/account"
    before = visit.session
    await visit.go(SETTINGS)
    await visit.send({"second_factor": "off"})
    assert visit.path == "/account?done=second_factor_off"
    assert "Two-step sign-in is off." in visit.answer.text
    assert visit.session != before
    user = await user_of(visit.world, person)
    assert user.second_factor_at is None
    assert await visit.world.storage.look(lambda catalog: (catalog.totp(user.id), catalog.recovery_codes_of(user.id))) == (None, [])
    assert (await other.go("/account")).path == "/login"
    await other.log_in(person, PASSWORD)
    assert other.path == "/account", "the password is enough again"


# -- the login ---------------------------------------------------------------------------------------------------------------


@pytest.mark.rfc("8176", "2")
async def test_a_login_is_whole_after_both_steps(visit: Visit, visits: OpenVisit, person: str) -> None:
    phone = await set_up(visit, person)
    fresh = await visits()
    await fresh.log_in(person, PASSWORD)
    assert fresh.answer.status_code == 200
    assert (fresh.title, fresh.session) == ("Second step", None)
    assert (await fresh.client.get("/account")).headers["location"] == "/login", "half a login opens nothing"
    await fresh.send({"code": phone.code()})
    assert fresh.path == "/account"
    latest = max(await sessions_of(fresh.world, person), key=lambda session: session.created_at)
    assert latest.amr == ["pwd", "otp", "mfa"]


async def test_the_second_step_goes_on_to_the_app(visit: Visit, visits: OpenVisit, person: str) -> None:
    phone = await set_up(visit, person)
    fresh = await visits()
    query = {"response_type": "code", "client_id": "demo-spa", "redirect_uri": CALLBACK, "state": "s d/é"}
    await fresh.go("/authorize", **query, code_challenge=CHALLENGE, code_challenge_method="S256")
    await fresh.send({"username": person, "password": PASSWORD})
    assert fresh.title == "Second step"
    assert "form-action 'self' http:" in fresh.answer.headers["content-security-policy"]
    await fresh.send({"code": phone.code()})
    assert fresh.path.startswith("/consent?")
    await fresh.send({"decision": "approve"})
    assert fresh.answer.headers["location"].startswith(f"{CALLBACK}?code=")


@pytest.mark.rfc("6238", "5.2")
async def test_one_step_either_way_is_taken_and_each_code_once(visit: Visit, visits: OpenVisit, person: str) -> None:
    phone = await set_up(visit, person)
    visit.world.clock.move(minutes=5)

    async def tried(code: str) -> bool:
        browser = await visits()
        await browser.log_in(person, PASSWORD)
        await browser.send({"code": code})
        return browser.path == "/account"

    late = phone.code(steps=-1)
    assert [await tried(code) for code in (phone.code(steps=-2), late, late)] == [False, True, False]
    now = phone.code()
    assert [await tried(code) for code in (now, now, late)] == [True, False, False]
    early = phone.code(steps=1)
    assert [await tried(code) for code in (phone.code(steps=2), early, early)] == [False, True, False]
    visit.world.clock.move(seconds=2 * STEP)
    assert await tried(" ".join(phone.code())), "spaces are how apps show a code"


async def test_a_code_of_the_set_up_is_spent(visit: Visit, visits: OpenVisit, person: str) -> None:
    phone = await set_up(visit, person)
    fresh = await visits()
    await fresh.log_in(person, PASSWORD)
    await fresh.send({"code": phone.code(steps=-1)})
    assert "was used before" in fresh.problem


async def test_a_recovery_code_lets_in_once_however_it_is_typed(visit: Visit, visits: OpenVisit, person: str) -> None:
    phone = await set_up(visit, person)
    fresh = await visits()
    await fresh.log_in(person, PASSWORD)
    (other,) = [link.attributes["href"] for link in fresh.page.all("a") if "recovery" in link.text]
    await fresh.go(other)
    assert "Recovery code" in fresh.answer.text
    typed = f" {phone.codes[0].upper().replace('-', ' ').replace('0', 'O').replace('1', 'l')} "
    await fresh.send({"code": typed})
    assert fresh.path == "/account"
    assert "9 recovery codes left" in fresh.answer.text
    again = await visits()
    await again.log_in(person, PASSWORD)
    await again.send({"code": phone.codes[0]})
    assert again.answer.status_code == 401
    assert "was used before" in again.problem
    await again.send({"code": phone.codes[1]})
    assert again.path == "/account"


async def test_another_persons_codes_are_worth_nothing(visit: Visit, visits: OpenVisit, person: str) -> None:
    mine = await set_up(visit, person)
    await visit.world.declare(f'[[users]]\nusername = "{person}-other"\npassword = "{PASSWORD}"\n')
    theirs = await visits()
    phone = await set_up(theirs, f"{person}-other")
    fresh = await visits()
    await fresh.log_in(person, PASSWORD)
    for code in (phone.code(), phone.codes[0]):
        await fresh.send({"code": code})
        assert fresh.answer.status_code == 401
    await fresh.send({"code": mine.code()})
    assert fresh.path == "/account"


async def test_a_secret_that_another_key_sealed_is_told_to_the_operator_and_recovery_codes_still_let_in(
    visit: Visit, visits: OpenVisit, person: str, caplog: pytest.LogCaptureFixture
) -> None:
    phone = await set_up(visit, person)
    user = await user_of(visit.world, person)
    codes = await visit.world.storage.look(lambda catalog: catalog.recovery_codes_of(user.id))

    def seal_anew(catalog: Catalog) -> None:
        assert catalog.remove_totp(user.id)
        assert catalog.put_totp(user.id, TotpSecrets(b"another key, of thirty-two bytes").seal(user.id, phone.secret))
        app = catalog.totp(user.id)
        assert app is not None
        assert catalog.confirm_totp(app, 1)
        catalog.put_recovery_codes(user.id, [code.code_hash for code in codes])

    await visit.world.storage.transact(seal_anew)
    fresh = await visits()
    await fresh.log_in(person, PASSWORD)
    await fresh.send({"code": phone.code()})
    assert fresh.answer.status_code == 401
    assert f"the authenticator app of user {user.id} was sealed under another secret key" in caplog.text
    await fresh.send({"code": phone.codes[0]})
    assert fresh.path == "/account"


# -- half a login ------------------------------------------------------------------------------------------------------------


async def half_way(visits: OpenVisit, person: str) -> Visit:
    visit = await visits()
    await visit.log_in(person, PASSWORD)
    assert visit.title == "Second step"
    return visit


async def test_half_a_login_waits_five_minutes(visit: Visit, visits: OpenVisit, person: str) -> None:
    phone = await set_up(visit, person)
    patient, late = await half_way(visits, person), await half_way(visits, person)
    visit.world.clock.move(seconds=299)
    await patient.send({"code": phone.code()})
    assert patient.path == "/account"
    visit.world.clock.move(seconds=STEP)
    await late.send({"code": phone.code()})
    assert late.path == "/login?late=yes"
    assert "open for too long" in late.problem
    assert late.session is None


async def test_half_a_login_belongs_to_its_browser(visit: Visit, visits: OpenVisit, person: str) -> None:
    await set_up(visit, person)
    mine, stranger = await half_way(visits, person), await visits()
    for path in (mine.path, mine.path[:-4] + "AAAA", "/login/second-factor", "/login/second-factor?half=.", "/login/second-factor?half=é"):
        await stranger.go(path)
        assert (stranger.path, stranger.title) == ("/login?late=yes", "Sign in")


@pytest.mark.parametrize("change", ["password", "disabled", "off", "anew"])
async def test_half_a_login_is_worth_nothing_once_the_person_has_changed(visit: Visit, visits: OpenVisit, person: str, change: str) -> None:
    phone = await set_up(visit, person)
    half = await half_way(visits, person)
    if change == "password":
        await set_password(visit.world.operator, person, "another-password-of-theirs")
    elif change == "disabled":
        user = await user_of(visit.world, person)
        user.disabled_at = visit.world.clock.now()
        await visit.world.storage.transact(lambda catalog: catalog.put_user(user))
    else:
        await visit.go(SETTINGS)
        await visit.send({"second_factor": "off"})
    if change == "anew":
        phone = await set_up(visit, person)
    await half.send({"code": phone.code()})
    assert half.path == "/login?late=yes"
    assert half.session is None


async def test_the_way_back_leads_on_where_the_step_is_done(visit: Visit, visits: OpenVisit, person: str) -> None:
    phone = await set_up(visit, person)
    half = await half_way(visits, person)
    address = half.path
    await half.send({"code": phone.code()})
    session = half.session
    await half.go(address)
    assert (half.path, half.session) == ("/account", session)


async def test_the_form_of_one_half_login_does_not_finish_another(visit: Visit, visits: OpenVisit, person: str) -> None:
    phone = await set_up(visit, person)
    await visit.world.declare(f'[[users]]\nusername = "{person}-other"\npassword = "{PASSWORD}"\n')
    await set_up(await visits(), f"{person}-other")
    both = await visits()
    await both.log_in(f"{person}-other", PASSWORD)
    form = next(element.attributes["value"] for element in both.page.all("input") if element.attributes["name"] == "csrf")
    await both.go("/login")
    await both.log_in(person, PASSWORD)
    await both.send({"code": phone.code(), "csrf": form})
    assert both.answer.status_code == 400
    assert "open for too long" in both.problem
    await both.send({"code": phone.code()})
    assert both.path == "/account"


# -- guessing ----------------------------------------------------------------------------------------------------------------


async def password_grant(world: World, person: str) -> int:
    answer = await world.post("/token", {"grant_type": "password", "username": person, "password": PASSWORD}, basic="demo-legacy")
    return answer.status_code


@pytest.mark.security("BF-01", "BF-04", "VN-03")
async def test_wrong_codes_count_as_wrong_passwords_do_on_pages_and_doors(visit: Visit, visits: OpenVisit, person: str) -> None:
    phone = await set_up(visit, person)
    stranger = await half_way(visits, person)
    for _ in range(LIMIT - 1):
        await stranger.send({"code": "000000"})
        assert stranger.answer.status_code == 401
    await stranger.send({"code": phone.code()})
    assert stranger.answer.status_code == 429
    assert stranger.answer.headers["retry-after"] == str(15 * 60)
    await stranger.send({"code": phone.codes[0]})
    assert stranger.answer.status_code == 429
    refused = await visits()
    await refused.log_in(person, PASSWORD)
    assert refused.answer.status_code == 429
    assert await password_grant(visit.world, person) == 429
    visit.world.clock.move(minutes=15, seconds=1)
    assert await password_grant(visit.world, person) == 400, "and no grant without the second step"
    fresh = await half_way(visits, person)
    await fresh.send({"code": phone.code()})
    assert fresh.path == "/account"


@pytest.mark.security("BF-01")
async def test_half_a_login_clears_no_failure(visit: Visit, visits: OpenVisit, person: str) -> None:
    phone = await set_up(visit, person)
    stranger = await visits()
    for _ in range(LIMIT - 2):
        await stranger.log_in(person, "wrong")
    await stranger.log_in(person, PASSWORD)
    assert stranger.title == "Second step"
    await stranger.send({"code": phone.code()})
    assert stranger.path == "/account", "the tenth is taken"
    for _ in range(LIMIT):
        await (await visits()).log_in(person, PASSWORD)
    blocked = await visits()
    await blocked.log_in(person, PASSWORD)
    assert blocked.answer.status_code == 429


@pytest.mark.security("BF-06")
async def test_strangers_who_guess_codes_do_not_keep_the_owner_out(visit: Visit, visits: OpenVisit, person: str) -> None:
    phone = await set_up(visit, person)
    stranger = await half_way(visits, person)
    for _ in range(LIMIT):
        await stranger.send({"code": "000000"})
    assert stranger.answer.status_code == 429
    await visit.go("/login")
    await visit.log_in(person, PASSWORD)
    await visit.send({"code": phone.code()})
    assert visit.path == "/account"


@pytest.mark.security("BF-02")
async def test_many_codes_at_once_are_counted_one_by_one(visit: Visit, visits: OpenVisit, person: str) -> None:
    await set_up(visit, person)
    strangers = [await half_way(visits, person) for _ in range(3)]
    asked = [stranger.send({"code": "000000"}) for stranger in strangers for _ in range(7)]
    statuses = [browser.answer.status_code for browser in await asyncio.gather(*asked)]
    assert len(statuses) == 21
    checked = [event.status for event in visit.world.notes.events if event.path == "/login/second-factor" and event.method == "POST"]
    assert (checked.count(401), checked.count(429)) == (LIMIT - 3, 21 - (LIMIT - 3))


@pytest.mark.rfc("6238", "5.2")
@pytest.mark.parametrize("recovery", [False, True])
async def test_a_code_that_many_show_at_once_lets_one_in(visit: Visit, visits: OpenVisit, person: str, *, recovery: bool) -> None:
    phone = await set_up(visit, person)
    code = phone.codes[0] if recovery else phone.code()
    browsers = [await half_way(visits, person) for _ in range(4)]
    await asyncio.gather(*(browser.send({"code": code}) for browser in browsers))
    assert sorted(browser.answer.status_code for browser in browsers) == [200, 401, 401, 401]
    assert sum(browser.session is not None for browser in browsers) == 1


# -- what is told of it ------------------------------------------------------------------------------------------------------------------


@pytest.mark.security("LO-01", "LO-04")
async def test_the_log_tells_what_was_done_and_no_code(visit: Visit, visits: OpenVisit, person: str) -> None:
    phone = await set_up(visit, person)
    fresh = await half_way(visits, person)
    address = fresh.path
    await fresh.send({"code": "000000"})
    await fresh.send({"code": phone.codes[0]})
    user = await user_of(visit.world, person)
    told = [(event.grant, event.cause, event.detail) for event in visit.world.notes.events if event.grant is not None]
    assert told == [
        ("login", None, "pwd"),
        ("second_factor_on", None, None),
        ("login", None, "a second step is demanded"),
        ("login", "login_wrong", None),
        ("login", None, "pwd otp mfa"),
    ]
    assert {event.user_id for event in visit.world.notes.events if event.path == "/login/second-factor"} == {user.id}
    log = repr(visit.world.notes.events)
    assert not [secret for secret in (*phone.codes, phone.secret, PASSWORD, address.partition("half=")[2]) if secret in log]


@pytest.mark.security("IN-01", "LG-14")
@pytest.mark.parametrize("odd", ["%00", "%ff%fe", "%ed%a0%80", "%C0%AF", "%0d%0aX:y", "e30.e30", ".", "%F0%9F%98%80", "a" * 9000])
async def test_odd_bytes_are_no_fault(visit: Visit, person: str, odd: str) -> None:
    await visit.log_in(person, PASSWORD)
    await visit.go(SETTINGS)
    fields = {"csrf": "", "code": "", "setup": "", "remove": "", "credential": "", "name": ""}
    for path in (SETTINGS, "/account/passkeys", "/login", "/login/second-factor"):
        for name in ("half", "to", "request", "recovery", "late", "done"):
            answer = await visit.client.get(f"{path}?{name}={odd}")
            assert answer.status_code < 500
        for name in fields:
            body = "&".join(f"{each}={odd if each == name else value}" for each, value in fields.items())
            answer = await visit.client.post(path, content=body, headers={"content-type": "application/x-www-form-urlencoded"})
            assert answer.status_code < 500, (path, name)
