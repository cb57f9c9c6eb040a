from __future__ import annotations

import json
from datetime import datetime
from typing import Any
from unicodedata import normalize
from zoneinfo import ZoneInfo

from attrs import evolve, fields
from hypothesis import given
from hypothesis import strategies as st

from mediasflow_async.converter import ModelReader, writer_for
from mediasflow_async.dialect import Dialect
from mediasflow_async.models import (
    CampaignRequest,
    CampaignType,
    Recipient,
    Renderer,
    TinyUrl,
    TinyUrlType,
)

DIALECT = Dialect()
PARIS = ZoneInfo("Europe/Paris")

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
flags = st.none() | st.booleans()
some_texts = st.none() | texts
own_fields = st.dictionaries(texts, texts | st.integers() | st.none(), max_size=4)
recipients = st.builds(
    Recipient,
    texts,
    title=some_texts,
    last_name=some_texts,
    first_name=some_texts,
    email=some_texts,
    phone=some_texts,
    group_id=st.none() | st.integers(0, 2**53),
    user_owner_id=some_texts,
    fields=own_fields,
)
renderers = st.none() | st.sampled_from(Renderer)
links = st.builds(
    TinyUrl,
    index=st.integers(0, 9),
    type=st.sampled_from(TinyUrlType),
    url=some_texts,
    local_html=some_texts,
    parameters=st.lists(texts, max_size=3),
    label=some_texts,
    description=some_texts,
    image_name=some_texts,
    renderer=renderers,
    end_of_life=st.none() | st.integers(1, 9999),
    host=some_texts,
    domain=some_texts,
    is_open_graph=flags,
)
requests = st.builds(
    CampaignRequest,
    msg=some_texts,
    recipients=st.lists(recipients, max_size=3),
    list_ids=st.lists(st.integers(1, 2**53), max_size=3),
    campaign_id=st.none() | st.integers(1, 2**53),
    campaign_name=some_texts,
    user_owner_id=some_texts,
    brand=some_texts,
    sender=some_texts,
    type=st.none() | st.sampled_from(CampaignType),
    schedule_on=st.none() | st.datetimes(datetime(2030, 1, 1), timezones=st.just(PARIS)),  # noqa: DTZ001
    renderer=renderers,
    defaults=st.dictionaries(texts, texts, max_size=3),
    allow_ucs2=flags,
    replace_emoji=flags,
    replace_to_gsm7=flags,
    check_duplicate=flags,
    billing_code=some_texts,
    tiny_urls=st.lists(links, max_size=2),
    image_preview=st.none() | texts,
    zip_local=st.none() | texts,
    start_now=st.booleans(),
)
# The names of the contract, written out once more: a slip in the table of names shows here.
NAMES = {
    "msg": "msg",
    "campaign_id": "campaignId",
    "campaign_name": "campaignName",
    "user_owner_id": "userOwnerID",
    "brand": "brand",
    "sender": "sender",
    "type": "typeSelect",
    "renderer": "renderer",
    "allow_ucs2": "allowUCS2",
    "replace_emoji": "autoREPLACEEMOJI",
    "replace_to_gsm7": "autoREPLACETOGSM7",
    "check_duplicate": "checkDuplicate",
    "billing_code": "billingCode",
    "image_preview": "b64ImagePreview",
    "zip_local": "b64ZipLocal",
    "start_now": "startNow",
}
COLLECTIONS = {
    "list_ids": "listsId",
    "recipients": "listRecipient",
    "tiny_urls": "tinyList",
    "defaults": "defaultForHeader",
    "schedule_on": "scheduleOn",
}


@given(requests)
def test_what_is_written_says_what_was_meant(request_: CampaignRequest) -> None:
    dialect = Dialect(twelve_oclock="shift")
    written = json.loads(json.dumps(writer_for(dialect).campaign(request_)))
    assert set(written) <= set(NAMES.values()) | set(COLLECTIONS.values())
    # GSM-7 knows no loose accents: the text goes out composed.
    composed = evolve(request_, msg=request_.msg and normalize("NFC", request_.msg))
    for name, wire in NAMES.items():
        assert written.get(wire) == getattr(composed, name), name
    assert written.get("listsId", []) == list(request_.list_ids)
    assert written.get("defaultForHeader", {}) == request_.defaults
    assert ("scheduleOn" in written) == (request_.schedule_on is not None)


@given(st.lists(recipients, max_size=3), st.sampled_from(["pairs", "object"]))
def test_a_recipient_that_is_written_reads_back(people: list[Recipient], shape: Any) -> None:
    request = CampaignRequest(recipients=people)
    written = writer_for(Dialect(extended_keys_as=shape)).campaign(request).get("listRecipient", [])
    again = [ModelReader(PARIS).read(item, Recipient) for item in json.loads(json.dumps(written))]
    as_text = [
        evolve(person, fields={k: "" if v is None else str(v) for k, v in person.fields.items()})
        for person in people
    ]
    assert again == as_text


@given(links)
def test_a_link_that_is_written_reads_back(link: TinyUrl) -> None:
    written = writer_for(DIALECT).campaign(CampaignRequest(tiny_urls=[link]))["tinyList"][0]
    assert ModelReader(PARIS).read(json.loads(json.dumps(written)), TinyUrl) == link


def test_every_attribute_of_a_request_is_written() -> None:
    names = {attribute.name for attribute in fields(CampaignRequest)}
    assert names == set(NAMES) | set(COLLECTIONS)
