import dataclasses

import pytest

from app.core.policy import Policy, RedirectUriRule, RefreshRule, ShopRule


@pytest.mark.security("TK-11")
@pytest.mark.security("CD-09")
@pytest.mark.security("RF-10")
def test_without_a_dialects_word_the_policy_is_the_strict_one() -> None:
    policy = Policy()
    assert policy.access_token_expires_in == 3600
    assert policy.authorization_code_expires_in == 60
    assert policy.refresh_rule is RefreshRule.ROTATE
    assert policy.grace_in == 10
    assert policy.family_expires_in == 365 * 86400
    assert policy.redirect_uri is RedirectUriRule.REPEATED
    assert policy.shop is ShopRule.NONE
    assert not policy.issue_refresh_token


def test_a_policy_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Policy().grace_in = 0  # type: ignore[misc]  # what is tested


@pytest.mark.parametrize("rules", [RefreshRule, ShopRule, RedirectUriRule])
def test_a_rule_is_the_word_that_files_use(rules: type[RefreshRule | ShopRule | RedirectUriRule]) -> None:
    assert {rule.name.lower() for rule in rules} == {str(rule) for rule in rules}
