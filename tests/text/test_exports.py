from __future__ import annotations

import subprocess
import sys

import pytest

from mediasflow_async import text
from mediasflow_async.text import _MODULES


def test_public_names_are_listed_once_and_in_order() -> None:
    assert list(text.__all__) == sorted(set(text.__all__))


def test_the_public_names_are_those_that_the_modules_give() -> None:
    given = [name for names in _MODULES.values() for name in names.split()]
    assert sorted(given) == list(text.__all__)


@pytest.mark.parametrize("name", text.__all__)
def test_a_public_name_can_be_imported_and_says_what_it_is(name: str) -> None:
    assert getattr(text, name).__doc__


def test_tab_completion_offers_every_public_name() -> None:
    assert set(text.__all__) <= set(dir(text))


def test_a_name_that_does_not_exist_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="preflights"):
        text.preflights  # noqa: B018  reading it is the test


def test_the_public_names_load_no_extra() -> None:
    program = (
        "import sys\n"
        "from mediasflow_async.text import *\n"
        "assert preflight and render and to_e164\n"
        "assert not {'phonenumbers', 'anyascii', 'quickjs'} & sys.modules.keys()\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
