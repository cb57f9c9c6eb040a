"""One instance of every model, with every attribute set."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest

from mediasflow_async.models import (
    BlacklistEntry,
    BlacklistKind,
    Campaign,
    CampaignRequest,
    CampaignStatus,
    CampaignType,
    DeliveryStatus,
    ListType,
    Recipient,
    RecipientList,
    Renderer,
    ReportRow,
    ReportSummary,
    TinyUrl,
    TinyUrlType,
    Track,
)

MOMENT = datetime(2021, 6, 16, 18, 29, 7, tzinfo=UTC)
RECIPIENT = Recipient(
    "+33612345678",
    title="Mme",
    last_name="Durand",
    first_name="Alice",
    email="alice@example.org",
    phone="0145678901",
    group_id=4,
    user_owner_id="5e1f4f4e7e9b504fcfd49eb2",
    fields={"REF": "x"},
    id=3,
    raw={"mobile": "+33612345678"},
)
TINY_URL = TinyUrl(
    index=0,
    type=TinyUrlType.LOCAL,
    url="https://example.org",
    local_html="page.html",
    parameters=("REF=${REF}",),
    label="Title",
    description="Description",
    image_name="image.png",
    renderer=Renderer.EJS,
    end_of_life=date(2030, 1, 1),
    host="1mf.eu",
    domain="1mf.eu",
    is_open_graph=True,
)
LIST = RecipientList(id=392, type=ListType.CSV, header=("SMS",), recipients=(RECIPIENT,))
ROW = ReportRow(
    campaign_id=943,
    line=1,
    mobile="+33612345678",
    status_code=16,
    delivered_at=MOMENT,
    reply="OK",
    message="Bonjour Alice",
    tracks=(Track(1, MOMENT, 2),),
    fields={"Nom": "Durand"},
)
REQUEST = CampaignRequest(
    msg="Bonjour Alice",
    recipients=[RECIPIENT, "0612345679"],
    list_ids=[392],
    type=CampaignType.NOTIFICATION,
    schedule_on=MOMENT,
    renderer=Renderer.BASIC,
    defaults={"Ville": "Paris"},
    tiny_urls=[TINY_URL],
    image_preview=b"image",
    zip_local="eHh4",
)
CAMPAIGN = Campaign(
    id=943,
    status=CampaignStatus("NEW"),
    message="Bonjour Alice",
    recipient_list=LIST,
    creation_date=MOMENT,
    tiny_urls=(TINY_URL,),
    count_recipient=1,
)
ENTRY = BlacklistEntry("+33612345678", kind=BlacklistKind("FAX"), description="Alice Durand")
SAMPLES = (
    RECIPIENT,
    TINY_URL,
    LIST,
    ROW,
    Track(1, MOMENT, 2),
    REQUEST,
    CAMPAIGN,
    ENTRY,
    DeliveryStatus(17),
    ReportSummary.of([16, 16, 4, None]),
)


@pytest.fixture(params=SAMPLES, ids=lambda sample: type(sample).__name__)
def sample(request: pytest.FixtureRequest) -> Any:
    """A model."""
    return request.param
