"""One look at a request never says less than the rules do."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mediasflow_async.dialect import Dialect
from mediasflow_async.models import CampaignRequest, CampaignType, Recipient, Renderer, TinyUrl
from mediasflow_async.validation import campaign_problems, is_usual

NOW: Final = datetime(2030, 6, 1, 10, 0, tzinfo=UTC)
# With this one the rules are always asked; without placeholders they say the same as before.
CAREFUL: Final = Dialect(strict_placeholders=True)

RECIPIENT: Final[dict[str, list[Any]]] = {
    "mobile": ["0612345678", "+33612345678", "06 12", "x", "", 612345678, None, "1" * 18],
    "last_name": [None, "Martin", "", 7],
    "email": [None, "a@example.org", b"x"],
    "group_id": [None, 4, "4"],
    "fields": [{}, {"REF": "1"}, {"REF": None}, {"REF": 1}, {"Mobile": "x"}, {1: "x"}, None, ["x"]],
}
REQUEST: Final[dict[str, list[Any]]] = {
    "msg": ["Bonjour", "", None, 7],
    "list_ids": [(), (3,), (0,), "3"],
    "campaign_id": [None, 943, 0, True],
    "campaign_name": [None, "Soldes", 7],
    "sender": [None, "ACME", "12345", "A", 7, ""],
    "type": [None, CampaignType.NOTIFICATION, "NOTIFICATION", "x", 1],
    "schedule_on": [None, NOW + timedelta(hours=1), NOW, "x"],
    "renderer": [None, Renderer.BASIC, "x"],
    "defaults": [{}, {"a": "b"}, {"a": 1}, {1: "a"}, None, []],
    "allow_ucs2": [None, True, 1],
    "replace_emoji": [None, True, "x"],
    "tiny_urls": [(), (TinyUrl(index=0, url="https://example.org"),), "x"],
    "image_preview": [None, b"", b"x", 7],
    "zip_local": [None, "!", "eA=="],
    "start_now": [False, True, None, 1],
    "billing_code": [None, "CC", 7],
}
USUAL: Final = CampaignRequest(msg="Bonjour", recipients=["0612345678"])


def one_of(values: list[Any]) -> st.SearchStrategy[Any]:
    """The first of some values more often than all the others together."""
    return st.one_of(st.just(values[0]), st.just(values[0]), st.sampled_from(values))


recipients = st.fixed_dictionaries({name: one_of(values) for name, values in RECIPIENT.items()})
crowds = st.one_of(
    st.lists(recipients.map(lambda given: Recipient(**given)), max_size=3),
    st.sampled_from([(), None, "0612345678", ["0612345678"] * 50, ["0612345678"] * 51, [7]]),
)
requests = st.fixed_dictionaries(
    {name: one_of(values) for name, values in REQUEST.items()} | {"recipients": crowds}
).map(lambda given: CampaignRequest(**given))


@given(request=requests, any_number=st.booleans())
@settings(max_examples=500, deadline=None)
def test_a_look_changes_nothing_of_what_the_rules_say(
    *, request: CampaignRequest, any_number: bool
) -> None:
    asked, looked_at = (
        campaign_problems(request, dialect, NOW, any_number=any_number)
        for dialect in (CAREFUL, Dialect())
    )
    assert looked_at == asked


@pytest.mark.parametrize(
    "request_",
    [
        USUAL,
        CampaignRequest(
            msg="Bonjour ${PRENOM}",
            recipients=[Recipient("0612345678", last_name="Martin", fields={"REF": "1"})] * 50,
            sender="BOUTIQUE",
            type=CampaignType.NOTIFICATION,
            renderer=Renderer.BASIC,
            defaults={"PRENOM": "cher client"},
            replace_to_gsm7=True,
            start_now=True,
        ),
    ],
)
def test_the_main_job_is_usual(request_: CampaignRequest) -> None:
    assert is_usual(request_, 50)


@pytest.mark.parametrize(("name", "values"), [*REQUEST.items(), *RECIPIENT.items()])
def test_every_attribute_has_a_value_that_is_looked_at_twice(name: str, values: list[Any]) -> None:
    if name in RECIPIENT:
        made = [
            CampaignRequest(
                msg="Bonjour", recipients=[Recipient(**{"mobile": "0612345678", name: value})]
            )
            for value in values
        ]
    else:
        made = [
            CampaignRequest(**{"msg": "Bonjour", "recipients": ["0612345678"], name: value})
            for value in values
        ]
    assert is_usual(made[0], 50)
    # Whether a campaign starts now is looked at with the rules, where a call may decide it.
    assert name == "start_now" or not all(is_usual(request, 50) for request in made)
