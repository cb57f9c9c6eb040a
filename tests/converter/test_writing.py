from __future__ import annotations

import base64
import warnings
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from attrs import evolve

from mediasflow_async.converter import (
    TwelveOClockWarning,
    is_twelve_oclock,
    writer_for,
)
from mediasflow_async.dialect import Dialect
from mediasflow_async.models import (
    BlacklistEntry,
    BlacklistKind,
    CampaignRequest,
    CampaignType,
    Recipient,
    TinyUrl,
    TinyUrlType,
)

Guide = Callable[[str], Any]
DIALECT = Dialect()
WRITER = writer_for(DIALECT)
PARIS = ZoneInfo("Europe/Paris")

LINK = TinyUrl(
    index=0,
    url="http://mediasflow.fr?name=${Nom}",
    parameters=["name=${Nom}"],
    image_name="og_image.png",
    host="1mf.eu",
    domain="1mf.eu",
    is_open_graph=True,
)


def test_the_send_with_parameters_of_the_guide_is_written(guide: Guide) -> None:
    expected = guide("send_with_parameters")
    pairs = expected["listRecipient"][0]["extendedKeys"]
    request = CampaignRequest(
        msg=expected["msg"],
        recipients=[
            Recipient("0632545311", fields={pair["keyName"]: pair["keyValue"] for pair in pairs})
        ],
        sender="SMS_sender",
        type=CampaignType.NOTIFICATION,
        tiny_urls=[
            TinyUrl(
                index=0,
                type=TinyUrlType.REDIRECT,
                url="http://www.myurl.com/?ref=${MY_LIST_FIELD_NAME_5}",
                parameters=["ref=${NAME_OF_MY_LIST_FIELD_5}"],
                label="Title",
                description="Description",
                image_name="og_image.png",
                host="1mf.eu",
                domain="1mf.eu",
                is_open_graph=False,
            )
        ],
        start_now=True,
    )
    assert WRITER.campaign(request) == expected


def test_the_launch_of_the_guide_is_written(guide: Guide) -> None:
    request = CampaignRequest(campaign_id=943, start_now=True)
    assert WRITER.campaign(request) == guide("launch")
    request = CampaignRequest(campaign_id=832455, sender="SENDER2", start_now=True)
    assert WRITER.campaign(request) == guide("launch_with_sender")


def test_the_short_links_of_the_guide_are_written(guide: Guide) -> None:
    plain = CampaignRequest(tiny_urls=[LINK])
    assert WRITER.campaign(plain) == guide("short_link") | {"startNow": False}
    preview = CampaignRequest(
        tiny_urls=[evolve(LINK, label="Title", description="Description")], image_preview="xxxx"
    )
    expected = guide("short_link_with_preview") | {"startNow": False}
    assert WRITER.campaign(preview) == expected


def test_the_recipient_of_the_guide_is_written(guide: Guide) -> None:
    recipient = Recipient(
        "336xxxxxx",
        title="Mr",
        last_name="Your Lastname",
        first_name="Your Firstname",
        email="string",
        phone="string",
        group_id=0,
        user_owner_id="string",
        fields={"Adresse": "3 av Victor Hugo", "CP": "92200"},
    )
    as_object = Dialect(extended_keys_as="object")
    written = writer_for(as_object).campaign(CampaignRequest(recipients=[recipient]))
    assert written["listRecipient"] == [guide("recipient")]


def test_the_defaults_of_the_guide_are_written(guide: Guide) -> None:
    request = CampaignRequest(defaults={"Title": "Mr/Mme", "Ville": "Paris"})
    assert WRITER.campaign(request) == guide("default_for_header") | {"startNow": False}


def test_the_blacklist_entry_of_the_guide_is_written(guide: Guide) -> None:
    entry = BlacklistEntry("+33685812475", description=" plainte en magasin le 22 juin 2021")
    assert WRITER.blacklist_entry(entry) == guide("blacklist_add")
    full = BlacklistEntry(
        "+33685812475",
        kind=BlacklistKind.VMS,
        brand="ACME",
        created_at=datetime(2021, 6, 22, tzinfo=UTC),
        raw={"x": 1},
        extra={"x": 1},
    )
    assert WRITER.blacklist_entry(full) == {
        "item": "+33685812475",
        "typeItem": "VMS",
        "brand": "ACME",
    }


def test_what_was_not_given_is_not_written() -> None:
    assert WRITER.campaign(CampaignRequest()) == {"startNow": False}
    request = CampaignRequest(recipients=[Recipient("06")], tiny_urls=[TinyUrl(index=1)])
    assert WRITER.campaign(request) == {
        "listRecipient": [{"mobile": "06"}],
        "tinyList": [{"index": 1, "type": "REDIRECT"}],
        "startNow": False,
    }


def test_what_only_the_server_knows_is_not_written_back() -> None:
    recipient = Recipient("06", id=3, raw={"mobile": "06"})
    link = TinyUrl(index=0, raw={"a": 1}, extra={"b": 2})
    written = WRITER.campaign(CampaignRequest(recipients=[recipient], tiny_urls=[link]))
    assert written["listRecipient"] == [{"mobile": "06"}]
    assert written["tinyList"] == [{"index": 0, "type": "REDIRECT"}]


def test_false_and_zero_are_values_and_are_written() -> None:
    request = CampaignRequest(
        allow_ucs2=False,
        replace_emoji=False,
        replace_to_gsm7=False,
        check_duplicate=False,
        recipients=[Recipient("06", group_id=0)],
        tiny_urls=[TinyUrl(index=0, is_open_graph=False)],
    )
    written = WRITER.campaign(request)
    for name in ("allowUCS2", "autoREPLACEEMOJI", "autoREPLACETOGSM7", "checkDuplicate"):
        assert written[name] is False
    assert written["listRecipient"] == [{"mobile": "06", "groupID": 0}]
    assert written["tinyList"][0]["isOG"] is False


def test_attachments_are_written_in_base64() -> None:
    request = CampaignRequest(image_preview=b"\xff\x00", zip_local="UEs=")
    written = WRITER.campaign(request)
    assert base64.b64decode(written["b64ImagePreview"]) == b"\xff\x00"
    assert written["b64ZipLocal"] == "UEs="


LINKED = CampaignRequest(
    check_duplicate=True,
    tiny_urls=[
        TinyUrl(index=0, url="https://a.example/", image_name="a.png"),
        TinyUrl(index=1, type="LOCAL", local_html="a.html"),
        TinyUrl(index=2, type="LOCAL", local_html="b.html"),
    ],
    image_preview=b"image",
    zip_local=b"zip",
)


def test_files_may_be_written_into_the_links_that_need_them() -> None:
    dialect = Dialect(image_preview_in="link", zip_local_in="link", zip_local_field="b64ZipLoccal")
    written = writer_for(dialect).campaign(LINKED)
    assert "b64ImagePreview" not in written
    assert "b64ZipLoccal" not in written
    image, *pages = written["tinyList"]
    assert base64.b64decode(image["b64ImagePreview"]) == b"image"
    assert [base64.b64decode(page["b64ZipLoccal"]) for page in pages] == [b"zip", b"zip"]
    assert "b64ZipLoccal" not in image
    assert "b64ZipLocal" not in {**written, **image, **pages[0]}


def test_a_file_that_no_link_needs_stays_in_the_campaign() -> None:
    dialect = Dialect(image_preview_in="link", zip_local_in="link")
    written = writer_for(dialect).campaign(CampaignRequest(image_preview="aQ==", zip_local="eg=="))
    assert (written["b64ImagePreview"], written["b64ZipLocal"]) == ("aQ==", "eg==")
    # The places are two questions.
    apart = writer_for(Dialect(zip_local_in="link")).campaign(LINKED)
    assert "b64ImagePreview" in apart
    assert "b64ZipLocal" not in apart


@pytest.mark.parametrize(
    ("form", "written"),
    [("boolean", [True, False]), ("text", ["true", "false"]), ("capitals", ["TRUE", "FALSE"])],
)
def test_check_duplicate_may_be_written_as_text(form: Any, written: list[object]) -> None:
    writer = writer_for(Dialect(check_duplicate_as=form))
    requests = [CampaignRequest(check_duplicate=value) for value in (True, False)]
    assert [writer.campaign(request)["checkDuplicate"] for request in requests] == written
    assert "checkDuplicate" not in writer.campaign(CampaignRequest())


def test_own_values_are_written_as_text() -> None:
    recipient = Recipient("06", fields={"a": 5, "b": None, "c": 1.5, "d": "é"})
    written = WRITER.campaign(CampaignRequest(recipients=[recipient]))
    values = [pair["keyValue"] for pair in written["listRecipient"][0]["extendedKeys"]]
    assert values == ["5", "", "1.5", "é"]


def test_one_list_may_be_written_as_a_number() -> None:
    request = CampaignRequest(list_ids=[392])
    assert WRITER.campaign(request)["listsId"] == [392]
    assert writer_for(Dialect(lists_id_as_scalar=True)).campaign(request)["listsId"] == 392
    assert "listsId" not in writer_for(Dialect(lists_id_as_scalar=True)).campaign(CampaignRequest())


@pytest.mark.parametrize("zone", [UTC, PARIS])
def test_a_schedule_is_written_in_the_zone_of_the_dialect(zone: Any) -> None:
    request = CampaignRequest(schedule_on=datetime(2030, 6, 24, 9, 30, 58, tzinfo=UTC))
    name = "UTC" if zone is UTC else zone.key
    written = writer_for(Dialect(schedule_tz=name)).campaign(request)
    assert written["scheduleOn"] == (
        "2030-06-24T09:30:58Z" if zone is UTC else "2030-06-24T11:30:58Z"
    )


@pytest.fixture
def no_warning() -> Iterator[None]:
    """Turn a warning into an error, whatever the settings of the run."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def schedule(hour: int, minute: int = 0, second: float = 0.0) -> CampaignRequest:
    moment = datetime(2030, 6, 24, hour, minute, tzinfo=UTC) + timedelta(seconds=second)
    return CampaignRequest(schedule_on=moment)


@pytest.mark.parametrize("request_", [schedule(12), schedule(12, 59, 59), schedule(11, 59, 59.5)])
def test_an_hour_that_is_written_as_twelve_is_warned_of(request_: CampaignRequest) -> None:
    with pytest.warns(TwelveOClockWarning, match="half a day earlier"):
        written = WRITER.campaign(request_)
    assert written["scheduleOn"][11:13] == "12"
    moment = request_.schedule_on
    assert moment is not None
    assert is_twelve_oclock(moment, DIALECT)


@pytest.mark.usefixtures("no_warning")
@pytest.mark.parametrize(
    "request_", [schedule(0), schedule(11, 59, 59), schedule(13), schedule(12, 59, 59.5)]
)
def test_any_other_hour_is_not_warned_of(request_: CampaignRequest) -> None:
    assert WRITER.campaign(request_)["scheduleOn"][11:13] != "12"


@pytest.mark.usefixtures("no_warning")
@pytest.mark.parametrize("request_", [schedule(12), schedule(12, 30), schedule(11, 59, 59.5)])
def test_twelve_can_be_shifted_to_one(request_: CampaignRequest) -> None:
    written = writer_for(Dialect(twelve_oclock="shift")).campaign(request_)
    assert written["scheduleOn"] == "2030-06-24T13:00:00Z"


@pytest.mark.usefixtures("no_warning")
def test_twelve_is_written_in_silence_where_the_validation_refuses_it() -> None:
    written = writer_for(Dialect(twelve_oclock="raise")).campaign(schedule(12, 30))
    assert written["scheduleOn"] == "2030-06-24T12:30:00Z"


@pytest.mark.usefixtures("no_warning")
def test_the_hour_that_counts_is_the_one_that_is_written() -> None:
    in_paris = Dialect(schedule_tz="Europe/Paris", twelve_oclock="shift")
    assert writer_for(in_paris).campaign(schedule(12))["scheduleOn"] == "2030-06-24T14:00:00Z"
    assert writer_for(in_paris).campaign(schedule(10, 15))["scheduleOn"] == "2030-06-24T13:00:00Z"


def test_the_life_of_a_link_is_written_as_days_or_as_a_date() -> None:
    today = datetime.now(DIALECT.server_tz).date()
    as_date = Dialect(end_of_life_as="date")
    day = today + timedelta(days=30)
    at_noon = datetime(day.year, day.month, day.day, 12, tzinfo=DIALECT.server_tz)

    def written(life: Any, dialect: Dialect) -> object:
        request = CampaignRequest(tiny_urls=[TinyUrl(index=0, end_of_life=life)])
        return writer_for(dialect).campaign(request)["tinyList"][0]["endOfLife"]

    for life in (30, day, at_noon):
        assert written(life, DIALECT) == 30
        assert written(life, as_date) == f"{day}T00:00:00Z"


def test_a_request_is_written_the_same_twice() -> None:
    request = CampaignRequest(msg="x", recipients=["06"], list_ids=[1])
    assert writer_for(Dialect()).campaign(request) == writer_for(Dialect()).campaign(request)
