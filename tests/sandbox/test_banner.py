"""The banner: every documented door, for people and for programs. That its lines work is held by tests/cli/test_sandbox.py."""

import re
from dataclasses import replace

from app.messages import Endpoint
from app.sandbox.banner import ABSENT, Facts, for_people, for_programs, lines
from tests.fixtures.dialects import built_in

FACTS = Facts(
    issuer="http://localhost:7000",
    address="http://localhost:7000",
    database="sqlite:////tmp/x/tokenry.db",
    is_kept=False,
    codes="tokenry codes issue --database sqlite:////tmp/x/tokenry.db",
    secrets={"mine": "s3cret"},
)


def test_there_is_a_line_for_every_grant_at_every_door() -> None:
    commands = {dialect: [line.command for line in lines(FACTS) if line.dialect == dialect] for dialect in built_in().by_name}
    for dialect in built_in().by_name.values():
        for door in dialect.doors:
            mine = [command for command in commands[dialect.name] if re.search(rf"localhost:7000{door.path} ", command)]
            assert mine, f"{dialect.name} {door.path}"
            if door.endpoint is Endpoint.TOKEN and door.sends_grant_type:
                words = {word for word in door.grants or dialect.grants if not dialect.grants[word].requires_option}
                assert words <= {word for command in mine for word in re.findall(r"grant_type=(\w+)", command)}
    assert any("localhost:7000/userinfo " in command for command in commands["standard"])


def test_a_person_is_told_what_this_is_and_where() -> None:
    banner = for_people(FACTS)
    assert "SANDBOX" in banner
    assert "http://localhost:7000" in banner
    assert "Open       http://localhost:7000/ " in banner
    assert "demo / demo-password" in banner
    assert "temporary: deleted at the end" in banner
    assert "of mine, shown this once: s3cret" in banner
    assert all(line.command in banner for line in lines(FACTS))


def test_a_program_reads_key_and_value_on_each_line() -> None:
    pairs = dict(line.split("=", 1) for line in for_programs(FACTS).splitlines())
    assert (pairs["mode"], pairs["issuer"], pairs["database"]) == ("sandbox", FACTS.issuer, FACTS.database)
    assert pairs["secret.mine"] == "s3cret"
    assert {name: pairs[name] for name in pairs if name.startswith("curl.")} == {
        f"curl.{line.dialect}.{line.name}": line.command for line in lines(FACTS)
    }


def test_a_sandbox_of_several_processes_says_what_it_has_not() -> None:
    several = replace(FACTS, workers=2)
    assert f"\n  Control    none: {ABSENT['en']}\n" in for_people(several)
    assert "  Open  " not in for_people(several)
    assert f"\ncontrol=none: {ABSENT['en']}\n" in for_programs(several)
    assert "control=" not in for_programs(FACTS)
