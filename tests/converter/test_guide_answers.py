from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from attrs import fields

from mediasflow_async.models import (
    BlacklistEntry,
    Campaign,
    CampaignStatus,
    CampaignType,
    ListType,
    Recipient,
    RecipientList,
    Renderer,
    TinyUrl,
    TinyUrlType,
)

PARIS = ZoneInfo("Europe/Paris")

Read = Callable[[object, type[Any]], Any]
Guide = Callable[[str], Any]


def shown(model: Any) -> dict[str, Any]:
    """The attributes of a model, but for what was read and what was beyond it."""
    names = [attribute.name for attribute in fields(type(model))]
    return {name: getattr(model, name) for name in names if name not in {"raw", "extra"}}


def test_the_campaign_of_the_guide_is_read_field_by_field(guide: Guide, read: Read) -> None:
    answer = guide("campaign_answer")
    campaign = read(answer, Campaign)
    moment = datetime(2021, 6, 16, 18, 29, 7, tzinfo=PARIS)
    found = shown(campaign)
    assert shown(found.pop("recipient_list")) == shown(RecipientList()) | {
        "id": 0,
        "type": ListType.VIRTUAL,
        "global_invalid_line": 0,
        "valid_number_mobile": 0,
        "valid_number_email": 0,
        "invalid_number_email": 0,
        "invalid_number_mobile": 0,
        "size": 0,
        "max_size_data_line": 0,
        "recipients": (Recipient("0632545311", group_id=0, id=0),),
        "count_duplicate_mobile": 0,
        "count_duplicate_email": 0,
        "charset_detected": "",
        "campaign_id": 0,
    }
    assert found == {
        "id": 943,
        "status": CampaignStatus.DRAFT,
        "message": "Ceci est un test d'envoi SMS pour ${PRENOM}",
        "sender": "36184",
        "short_code": "36184",
        "type": CampaignType.MKG,
        "send_to": "SMS",
        "campaign_name": "2021-06-16 18:29 campaign API",
        "user_owner_id": "5e1f4f4e7e9b504fcfd49eb2",
        "customer_id": "5e1f1fa1392b6a759299b09a",
        "renderer": Renderer.BASIC,
        "creation_date": moment,
        "update_date": moment,
        "path_to_campaign": "af/03/",
        "check_duplicate": True,
        "allow_ucs2": False,
        "replace_emoji": False,
        "replace_to_gsm7": True,
        "defaults": {},
        "credit_count": 1.0,
        "credit_after_injection": 0.0,
        "scheduled": False,
        "is_in_scheduler": False,
        "tiny_urls": (),
        "count_recipient": 1,
        "count_invalid_recipient": 0,
        "count_in_black_list_recipient": 0,
        "count_duplicate_recipient": 0,
        "global_counter": 0,
        "count_valid": 1,
        "count_posted": 0,
        "count_duplicate": 0,
        "count_not_allow": 0,
        "count_not_valid": 0,
        "count_error_rendering": 0,
        "count_max_credit_over": 0,
        "count_max_credit_found": 1,
        "count_black_list": 0,
        "count_black_list_mediasflow": 0,
        "count_black_list_customer": 0,
        "count_black_list_brand": 0,
    }
    assert campaign.raw == answer
    assert campaign.extra == {}


def test_the_list_of_the_guide_is_read_field_by_field(guide: Guide, read: Read) -> None:
    answer = guide("list_answer")
    found = read(answer, RecipientList)
    sizes = answer["computedHeaderSize"]
    assert shown(found) == {
        "id": 392,
        "list_name": "liste_demo",
        "description": "liste_demo",
        "type": ListType.CSV,
        "size": 11,
        "valid_number_mobile": 10,
        "invalid_number_mobile": 1,
        "count_duplicate_mobile": 1,
        "line_duplicate_mobile": (11,),
        "invalid_line_list": (10,),
        "global_invalid_line": 0,
        "valid_number_email": 0,
        "invalid_number_email": 0,
        "count_duplicate_email": 0,
        "line_duplicate_email": (),
        "valid_country_counter": {"FR": 10},
        "invalid_country_counter": {},
        "header": ("Civilité", "Prénom", "Nom", "Adresse", "CP", "Ville", "Prix", "SMS"),
        "empty_keys": ("Prix", "Civilité"),
        "computed_header_size": {
            column: {int(length): count for length, count in counts.items()}
            for column, counts in sizes.items()
        },
        "max_datas_map": answer["maxDatasMap"],
        "max_size_data_line": 66,
        "charset_detected": "WINDOWS-1252",
        "creation_date": datetime(2021, 6, 25, 8, 46, 45, 937000, tzinfo=UTC),
        "campaign_id": 0,
        "brand": None,
        "user_owner_id": "6009b630d86ae22270c0f3d6",
        "customer_id": "5e1f1fa1392b6a759299b09a",
        "file_path": (
            "/mnt/mediasflow/shared/5e1f1fa1392b6a759299b09a/6009b630d86ae22270c0f3d6/lists//"
            "EdKzVweeYahfCiqt.tmp.csv"
        ),
        "recipients": (),
        "lists_items": (),
    }
    assert found.raw == answer
    assert found.extra == {}


def test_a_recipient_and_a_link_are_read_as_the_guide_writes_them(guide: Guide, read: Read) -> None:
    recipient = read(guide("recipient"), Recipient)
    assert (recipient.last_name, recipient.first_name) == ("Your Lastname", "Your Firstname")
    assert recipient.fields == {"Adresse": "3 av Victor Hugo", "CP": "92200"}
    link = read(guide("short_link_with_preview")["tinyList"][0], TinyUrl)
    assert shown(link) == shown(
        TinyUrl(
            index=0,
            type=TinyUrlType.REDIRECT,
            url="http://mediasflow.fr?name=${Nom}",
            parameters=["name=${Nom}"],
            label="Title",
            description="Description",
            image_name="og_image.png",
            host="1mf.eu",
            domain="1mf.eu",
            is_open_graph=True,
        )
    )
    assert read(guide("blacklist_add"), BlacklistEntry) == BlacklistEntry(
        "+33685812475", description=" plainte en magasin le 22 juin 2021"
    )
