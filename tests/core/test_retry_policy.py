"""The policy of retries: checked when it is made, frozen, compared by value."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from attrs.exceptions import FrozenInstanceError

from mediasflow_async import ConfigurationError, RetryPolicy


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("attempts", 0),
        ("attempts", -1),
        ("attempts", 1.5),
        ("attempts", True),
        ("base_wait", 1),
        ("base_wait", timedelta(seconds=-1)),
        ("max_wait", None),
        ("max_retry_after", "60"),
        ("quota", -1),
        ("quota", "many"),
        ("quota", float("nan")),
        ("on_retry", 5),
        ("on_retry", ["no function"]),
    ],
)
def test_a_policy_names_the_option_that_is_wrong(option: str, value: Any) -> None:
    with pytest.raises(ConfigurationError, match=option):
        RetryPolicy(**{option: value})


def test_a_policy_takes_one_hook_or_several() -> None:
    assert RetryPolicy(on_retry=print) == RetryPolicy(on_retry=[print])


def test_a_policy_is_frozen_and_compares_by_value() -> None:
    assert RetryPolicy() == RetryPolicy()
    assert RetryPolicy.off().attempts == 1
    with pytest.raises(FrozenInstanceError):
        RetryPolicy().attempts = 2  # type: ignore[misc]
