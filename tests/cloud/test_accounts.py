from __future__ import annotations

import base64

import pytest

from ukrom.cloud import user_of


def encoded(text):
    return base64.b64encode(text.encode()).decode()


def test_encoded_token_names_its_user():
    assert user_of(encoded("alice:secret")) == "alice"


@pytest.mark.parametrize("token", ["plain", "ab:cd", encoded("no colon"), encoded(":secret"), "AAECAwQ="])
def test_any_other_token_names_itself(token):
    assert user_of(token) == token


def test_tokens_of_one_user_lead_to_one_account(cloud):
    assert cloud.account(encoded("alice:one")) is cloud.account(encoded("alice:two"))
    assert cloud.account("alice") is cloud.account(encoded("alice:one"))
    assert cloud.account("bob") is not cloud.account("alice")


def test_opened_account_is_reached_by_its_token(cloud, runner):
    account = cloud.open_account("alice", runner)

    assert cloud.account(account.token) is account
    assert (account.user, account.runner) == ("alice", runner)
    assert cloud.open_account("alice") is account
    assert account.runner is None


def test_accounts_are_listed_oldest_first(cloud):
    assert cloud.accounts() == ()

    accounts = cloud.open_account("bob"), cloud.account("alice")

    assert cloud.accounts() == accounts


def test_closed_account_is_gone_with_its_machines(cloud, running, runner):
    account = running.account

    cloud.close_account(account)

    assert cloud.accounts() == ()
    assert cloud.instances(account) == ()
    assert runner.last.kills == 1
    successor = cloud.account(account.token)
    assert successor is not account
    assert cloud.instances(successor) == ()
    runner.last.end()
    assert cloud.instances(account) == ()


def test_closing_an_account_twice_spares_its_successor(cloud):
    old = cloud.account("alice")
    cloud.close_account(old)
    new = cloud.account("alice")

    cloud.close_account(old)

    assert cloud.account("alice") is new
