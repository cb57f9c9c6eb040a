"""`mediasflow demo --base-url`: what stands between the demo and real SMS."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from mediasflow_async.cli.console import CommandStopped
from mediasflow_async.cli.safety import confirm_launch
from mediasflow_async.models import Campaign
from mediasflow_async.sandbox import Fault, Sandbox
from tests.support.commands import Command, Start, said

ELSEWHERE = "https://mediasflow.invalid/MediasflowApi/v1/"
Account = Mapping[str, str]


def test_the_number_of_recipients_is_typed_before_the_launch(
    terminal: Start, server: Sandbox, account: Account, own_list: Path
) -> None:
    arguments = ("demo", "--base-url", server.base_url, "--csv", str(own_list))
    shown = terminal(*arguments, environment=account)
    shown.until("Number of recipients: ")
    assert "Real SMS will be sent" in shown.seen
    assert "to 3 people, for 3 credits" in shown.seen
    assert not server.messages
    shown.type("3")
    assert shown.ended() == 0
    assert len(server.messages) == 3


@pytest.mark.parametrize("typed", ["4", "\x04"])
def test_anything_else_launches_nothing(
    typed: str,
    terminal: Start,
    server: Sandbox,
    account: Account,
    own_list: Path,
) -> None:
    arguments = ("demo", "--base-url", server.base_url, "--csv", str(own_list))
    shown = terminal(*arguments, environment=account)
    shown.until("Number of recipients: ")
    shown.type(typed)
    assert shown.ended() == 1
    assert "Nothing was sent; campaign 943 stays a draft." in shown.seen
    assert not server.messages


def test_ctrl_c_at_the_prompt_launches_nothing(
    terminal: Start, server: Sandbox, account: Account, own_list: Path
) -> None:
    arguments = ("demo", "--base-url", server.base_url, "--csv", str(own_list))
    shown = terminal(*arguments, environment=account)
    shown.until("Number of recipients: ")
    assert shown.interrupted() == 130
    assert "Nothing was launched" in shown.seen
    assert not server.messages


def test_on_this_machine_yes_stands_for_typing(
    mediasflow: Command, server: Sandbox, account: Account, own_list: Path
) -> None:
    run = mediasflow(
        "demo", "--base-url", server.base_url, "--csv", str(own_list), "--yes", environment=account
    )
    assert run.returncode == 0, run.stderr
    assert len(server.messages) == 3
    assert not server.blacklist


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ((), "the recipients of the demo are fictitious"),
        (("--csv", "own.csv"), "confirmed in a terminal"),
        (("--csv", "own.csv", "--yes"), "on this machine only"),
    ],
)
@pytest.mark.usefixtures("own_list")
def test_a_script_cannot_send_real_sms(
    arguments: tuple[str, ...], reason: str, mediasflow: Command, account: Account
) -> None:
    run = mediasflow("demo", "--base-url", ELSEWHERE, *arguments, environment=account)
    assert run.returncode == 2
    assert reason in said(run.stderr)


@pytest.mark.usefixtures("own_list")
def test_not_even_a_terminal_skips_the_typing(terminal: Start, account: Account) -> None:
    arguments = ("demo", "--base-url", ELSEWHERE, "--csv", "own.csv", "--yes")
    assert terminal(*arguments, environment=account).ended() == 2


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://127.0.0.1:8025/api/v1/", "add --yes"),
        ("http://[::1]:8025/", "add --yes"),
        ("http://localhost/", "add --yes"),
        ("https://localhost.mediasflow.invalid/", "fictitious"),
        ("https://127.0.0.1.mediasflow.invalid/", "fictitious"),
        ("https://192.168.1.2/", "fictitious"),
        ("https://mediasflow.invalid/", "fictitious"),
    ],
)
def test_only_loopback_addresses_count_as_this_machine(
    url: str, reason: str, mediasflow: Command, account: Account
) -> None:
    run = mediasflow("demo", "--base-url", url, environment=account)
    assert run.returncode == 2
    assert reason in said(run.stderr)


def test_nothing_can_be_confirmed_when_the_number_of_recipients_is_not_known() -> None:
    """A sandbox always tells the number, so that the command cannot show this."""
    with pytest.raises(CommandStopped, match=r"does not say.*campaign 7 stays a draft"):
        confirm_launch(Console(file=StringIO()), Campaign(id=7), ELSEWHERE)


def test_without_a_terminal_the_launch_needs_yes_here_too(
    mediasflow: Command, server: Sandbox, account: Account
) -> None:
    run = mediasflow("demo", "--base-url", server.base_url, environment=account)
    assert run.returncode == 2
    assert "add --yes" in run.stderr
    assert not server.requests


def test_credentials_are_the_environments(mediasflow: Command, server: Sandbox) -> None:
    run = mediasflow("demo", "--base-url", server.base_url, "--yes")
    assert run.returncode == 2
    assert "MEDIASFLOW_PASSWORD" in run.stderr


def test_a_wrong_password_is_refused_and_not_shown(
    mediasflow: Command, server: Sandbox, account: Account
) -> None:
    wrong = {**account, "MEDIASFLOW_PASSWORD": "not-the-one"}
    run = mediasflow("demo", "--base-url", server.base_url, "--yes", environment=wrong)
    assert run.returncode == 1
    assert "HTTP 401" in run.stderr
    assert "not-the-one" not in run.stdout + run.stderr


def test_a_lost_answer_to_the_launch_ends_with_3(
    mediasflow: Command, server: Sandbox, account: Account, own_list: Path
) -> None:
    server.faults.add(Fault(operation="launch", when="after", drop=True))
    run = mediasflow(
        "demo", "--base-url", server.base_url, "--csv", str(own_list), "--yes", environment=account
    )
    assert run.returncode == 3
    assert "SMS may have been sent" in run.stderr
    assert "campaign 943" in run.stderr
    assert sum(campaign.launches for campaign in server.campaigns) == 1


@pytest.mark.parametrize("body", ["<html><title>Welcome</title></html>", '{"success": false}'])
def test_an_answer_to_the_launch_that_shows_nothing_ends_with_3(
    body: str, mediasflow: Command, server: Sandbox, account: Account, own_list: Path
) -> None:
    server.faults.add(Fault(operation="launch", when="after", status=200, body=body))
    run = mediasflow(
        "demo", "--base-url", server.base_url, "--csv", str(own_list), "--yes", environment=account
    )
    assert run.returncode == 3
    assert "SMS may have been sent" in run.stderr
    assert "campaign 943" in run.stderr


def test_ctrl_c_in_the_middle_of_the_launch_ends_with_3(
    terminal: Start, server: Sandbox, account: Account, own_list: Path
) -> None:
    server.faults.add(Fault(operation="launch", when="before", delay=timedelta(seconds=20)))
    arguments = ("demo", "--base-url", server.base_url, "--csv", str(own_list))
    shown = terminal(*arguments, environment=account)
    shown.until("Number of recipients: ")
    shown.type("3")
    shown.until("Launching campaign 943")
    shown.interrupt()
    assert shown.ended() == 3
    assert "look at its report" in shown.seen


def test_an_error_after_the_launch_says_that_it_was_launched(
    mediasflow: Command, server: Sandbox, account: Account, own_list: Path
) -> None:
    server.faults.add(Fault(operation="report_csv", status=403, times=None))
    run = mediasflow(
        "demo", "--base-url", server.base_url, "--csv", str(own_list), "--yes", environment=account
    )
    assert run.returncode == 1
    assert "Campaign 943 was launched." in run.stderr
