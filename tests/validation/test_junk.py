"""Anything at all in any field is refused by itself, before anything leaves."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from attrs import fields
from hypothesis import given
from hypothesis import strategies as st

from mediasflow_async.dialect import Dialect
from mediasflow_async.errors import InvalidRequest, Problem
from mediasflow_async.models import CampaignRequest, Recipient, Renderer, TinyUrl
from mediasflow_async.sandbox import Sandbox
from mediasflow_async.session import Session
from mediasflow_async.validation import placeholder_problems

Refused = Callable[[Coroutine[Any, Any, object]], tuple[Problem, ...]]

AWKWARD: list[Any] = [
    object(),
    object,
    len,
    ...,
    ValueError("x"),
    1j,
    Decimal("NaN"),
    range(3),
    {1, 2},
    frozenset({"0612345678x"}),
    memoryview(b"x"),
    bytearray(b"x"),
    [[]],
    [None],
    ({},),
    {"a": {"b": object()}},
    datetime(2030, 1, 1),  # noqa: DTZ001  that is the mistake
    date.max,
    -1,
    10**400,
    float("nan"),
    float("-inf"),
    "\ud800",
    "\0",
    "../admin",
    b"",
]
junk: st.SearchStrategy[Any] = (
    st.sampled_from(AWKWARD)
    | st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.binary(max_size=5)
    | st.lists(st.text(max_size=3) | st.integers() | st.none(), max_size=3)
    | st.dictionaries(st.text(max_size=3) | st.integers(), st.text(max_size=3), max_size=2)
)
schedules = junk | st.datetimes(timezones=st.timezones())
lives = junk | st.dates() | st.datetimes(timezones=st.just(UTC))
recipients = st.builds(
    Recipient,
    junk,
    **{a.name: junk for a in fields(Recipient) if a.name not in {"mobile", "raw", "extra", "id"}},
)
links = st.builds(
    TinyUrl,
    **{a.name: junk for a in fields(TinyUrl) if a.name not in {"raw", "extra", "end_of_life"}},
    end_of_life=lives,
)
requests = st.fixed_dictionaries(
    {},
    optional={
        **{attribute.name: junk for attribute in fields(CampaignRequest)},
        "recipients": junk | st.lists(recipients | junk, max_size=3),
        "tiny_urls": junk | st.lists(links | junk, max_size=3),
        "schedule_on": schedules,
    },
)
DIALECTS = [
    Dialect(),
    Dialect(
        strict_placeholders=True,
        twelve_oclock="raise",
        end_of_life_as="date",
        lists_id_as_scalar=True,
        extended_keys_as="object",
    ),
]


@pytest.fixture(scope="module", params=DIALECTS, ids=["default", "strict"])
def strict(request: pytest.FixtureRequest, sandbox: Sandbox) -> Session:
    """A session of either dialect."""
    dialect = request.param
    return Session("x", "y", dialect=dialect, base_url=sandbox.base_url)


@given(
    given_fields=requests,
    rest=st.sampled_from([{}, {"msg": "Bonjour ${NOM}"}]),
    options=st.sampled_from([{}, {"auto_list": True}]),
)
def test_junk_in_any_field_is_refused_and_nothing_else_happens(
    strict: Session, given_fields: dict[str, Any], rest: dict[str, Any], options: dict[str, bool]
) -> None:
    # The sender makes sure that the request as a whole is never one that may leave.
    values: dict[str, Any] = rest | given_fields | {"sender": "!"}
    request = CampaignRequest(**values)
    repr(request)
    call = strict.campaigns.prepare(request, **options)
    with pytest.raises(InvalidRequest) as caught:
        call.send(None)
    assert "sender" in {problem.field for problem in caught.value.problems}


def allowed(name: str, value: object) -> bool:
    """Whether a value may be right where it stands."""
    if value is None:
        return name not in {"start_now", "defaults"}
    texts = {
        "msg",
        "campaign_name",
        "user_owner_id",
        "brand",
        "billing_code",
        "image_preview",
        "zip_local",
    }
    if name in texts | {"sender", "type", "renderer"}:
        return isinstance(value, str | bytes)
    if name == "campaign_id":
        return isinstance(value, int)
    if name in {"recipients", "list_ids", "tiny_urls"}:
        return not isinstance(value, int | float | str | bytes | dict | complex | Decimal)
    if name == "defaults":
        return isinstance(value, dict)
    return isinstance(value, bool | datetime)


@given(st.data())
def test_one_wrong_value_is_blamed_by_its_name(
    session: Session, refused: Refused, data: st.DataObject
) -> None:
    name = data.draw(st.sampled_from([attribute.name for attribute in fields(CampaignRequest)]))
    if name == "start_now":  # `prepare` decides that one.
        return
    value = data.draw(junk.filter(lambda value: not allowed(name, value)))
    right: dict[str, Any] = {"msg": "Bonjour", "recipients": ["0612345678"]}
    problems = refused(session.campaigns.prepare(CampaignRequest(**right | {name: value})))
    assert name in {problem.field for problem in problems}


@given(st.text(max_size=40), st.sampled_from(Renderer))
def test_no_message_makes_the_search_for_its_fields_raise(text: str, renderer: Renderer) -> None:
    request = CampaignRequest(msg=text, recipients=["0612345678"], renderer=renderer)
    assert all(problem.field == "msg" for problem in placeholder_problems(request))
