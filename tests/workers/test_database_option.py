"""The database on the command line, where a password is refused."""

from __future__ import annotations

import pytest

from mediasflow_async import ConfigurationError
from mediasflow_async.cli.options import database_url

SECRET = "correct-horse"
REFUSED = [
    f"postgresql://bob:{SECRET}@host/sms",
    f"postgres://bob:{SECRET}/x@host/sms",
    f"postgresql://:{SECRET}@/sms",
    f"postgresql:///sms?password={SECRET}",
    f"postgresql:///sms?sslmode=require&pass%77ord={SECRET}",
    f"postgresql:///sms?sslpassword={SECRET}",
]


@pytest.fixture(autouse=True)
def empty_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MEDIASFLOW_DATABASE", raising=False)


@pytest.mark.parametrize("url", REFUSED)
def test_a_password_on_the_command_line_is_refused_and_not_shown(url: str) -> None:
    with pytest.raises(ConfigurationError, match="PGPASSWORD") as caught:
        database_url(url)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("url", REFUSED)
def test_the_environment_may_hold_one(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEDIASFLOW_DATABASE", f" {url}\n")
    assert database_url(None) == url


@pytest.mark.parametrize(
    "url", ["postgresql:///sms", "postgresql://bob@host:5432/sms", "postgres://[::1]:5432/x"]
)
def test_an_address_without_one_is_taken(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEDIASFLOW_DATABASE", "postgresql:///other")
    assert database_url(url) == url


@pytest.mark.parametrize(
    ("url", "hint"),
    [
        (None, "MEDIASFLOW_DATABASE"),
        ("", "MEDIASFLOW_DATABASE"),
        ("sqlite:///sms.db", "postgresql://"),
        (f"host=x password={SECRET}", "postgresql://"),
    ],
)
def test_anything_else_is_refused(url: str | None, hint: str) -> None:
    with pytest.raises(ConfigurationError, match=hint) as caught:
        database_url(url)
    assert SECRET not in str(caught.value)
