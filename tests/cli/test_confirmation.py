"""What stands between the demo and real SMS."""

from __future__ import annotations

from io import StringIO

import pytest
from rich.console import Console

from mediasflow_async.cli.console import CommandStopped
from mediasflow_async.cli.options import is_on_this_machine
from mediasflow_async.cli.safety import confirm
from mediasflow_async.models import Campaign


def test_nothing_can_be_confirmed_when_the_number_of_recipients_is_not_known() -> None:
    with pytest.raises(CommandStopped, match=r"does not say.*campaign 7 stays a draft"):
        confirm(Console(file=StringIO()), Campaign(id=7), "https://mediasflow.invalid/")


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://127.0.0.1:8025/api/v1/", True),
        ("http://[::1]:8025/", True),
        ("http://localhost/", True),
        ("https://localhost.mediasflow.invalid/", False),
        ("https://127.0.0.1.mediasflow.invalid/", False),
        ("https://192.168.1.2/", False),
        ("https://mediasflow.invalid/", False),
    ],
)
def test_only_addresses_of_this_machine_count_as_such(url: str, *, expected: bool) -> None:
    assert is_on_this_machine(url) is expected
