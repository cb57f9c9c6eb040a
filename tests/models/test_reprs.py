from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediasflow_async.models import (
    BlacklistEntry,
    Campaign,
    CampaignRequest,
    Recipient,
    RecipientList,
    ReportRow,
)

digits = st.text("0123456789", min_size=8, max_size=9)
numbers = st.builds(str.__add__, st.sampled_from(["06", "+336", "00336", "tel:06", "336"]), digits)
# Private text that cannot come up in a repr by accident.
secrets = st.text("äßøŁЖ東ñ", min_size=4, max_size=20)


def in_clear(text: str, number: str) -> bool:
    """Whether a text shows more of a number than its beginning and its last two digits."""
    return number in text or number[4:] in text


@given(numbers, secrets)
def test_no_repr_shows_a_whole_number_a_text_or_a_name(number: str, secret: str) -> None:
    recipient = Recipient(
        number,
        title=secret,
        last_name=secret,
        first_name=secret,
        email=secret,
        phone=number,
        fields={"Nom": secret, "Mobile": number},
        raw={"mobile": number, "lastName": secret},
    )
    moment = datetime(2021, 6, 16, tzinfo=UTC)
    found: list[Any] = [
        recipient,
        CampaignRequest(
            msg=secret,
            recipients=[recipient],
            defaults={"Nom": secret},
            image_preview=secret,
            zip_local=secret.encode(),
        ),
        Campaign(
            id=1,
            message=secret,
            defaults={"Nom": secret},
            recipient_list=RecipientList(
                recipients=(recipient,),
                max_datas_map={"SMS": number, "Nom": secret},
                computed_header_size={"SMS": {len(number): 1}},
                file_path=secret,
                raw={"x": number},
                extra={"x": number},
            ),
            raw={"x": number},
            extra={"x": number},
        ),
        ReportRow(
            mobile=number,
            message=secret,
            reply=secret,
            fields={"Nom": secret, "SMS": number},
            delivered_at=moment,
            raw={"item": number},
        ),
        BlacklistEntry(number, description=secret, raw={"item": number}, extra={"x": number}),
    ]
    for model in found:
        assert secret not in repr(model), type(model)
        assert not in_clear(repr(model), number), type(model)


@pytest.mark.parametrize("wrong", [5, None, ["0612345678"], b"06", {"a": 1}, object()])
def test_a_repr_never_raises_whatever_was_given(wrong: Any) -> None:
    request = CampaignRequest(
        msg=wrong, recipients=wrong, defaults=wrong, image_preview=wrong, zip_local=wrong
    )
    for model in (request, Recipient(wrong, fields=wrong), ReportRow(mobile=wrong)):
        assert type(model).__name__ in repr(model)


def test_the_repr_of_wrong_fields_does_not_spell_out_a_number() -> None:
    wrong: Any = "0612345678"
    shown = repr(Recipient("0600000000", fields=wrong))
    assert "5, 6, 7, 8" not in shown
    assert "0612345678" not in shown


@pytest.mark.parametrize(
    "wrong",
    ["0612345678", ("0612345678",), [["0612345678"]], [{"mobile": "0612345678"}], {"0612345678"}],
)
def test_the_repr_of_wrong_recipients_shows_no_number(wrong: Any) -> None:
    assert "0612345678" not in repr(CampaignRequest(recipients=wrong))


def test_the_repr_of_a_number_given_as_the_sender_is_masked() -> None:
    assert "0612345678" not in repr(CampaignRequest(sender="0612345678"))


def test_a_repr_shows_what_helps_to_find_a_mistake() -> None:
    recipient = Recipient("0612345678", fields={"REF": "secret"})
    assert "REF" in repr(recipient)
    assert "061*****78" in repr(recipient)
    assert "<5 long>" in repr(CampaignRequest(msg="Hello"))
    assert "943" in repr(Campaign(id=943))
