from __future__ import annotations

from mediasflow_async import Recipient
from mediasflow_async.resources.recipient_rows import recipient_rows


def test_a_recipient_becomes_a_row_with_the_names_of_the_wire() -> None:
    anna = Recipient(
        "0612345678",
        title="Mme",
        last_name="Durand",
        first_name="Anna",
        email="a@example.org",
        phone="0112345678",
        fields={"REF": "A1"},
    )

    assert recipient_rows([anna]) == [
        {
            "mobile": "0612345678",
            "title": "Mme",
            "lastName": "Durand",
            "firstName": "Anna",
            "email": "a@example.org",
            "phone": "0112345678",
            "REF": "A1",
        }
    ]


def test_only_the_standard_columns_that_someone_uses_are_there() -> None:
    rows = recipient_rows([Recipient("1"), Recipient("2", first_name="Anna")])

    assert rows == [{"mobile": "1", "firstName": ""}, {"mobile": "2", "firstName": "Anna"}]


def test_every_row_has_the_columns_of_all() -> None:
    rows = recipient_rows([Recipient("1", fields={"A": 1}), Recipient("2", fields={"B": None})])

    assert rows == [{"mobile": "1", "A": "1", "B": ""}, {"mobile": "2", "A": "", "B": ""}]


def test_a_value_that_counts_as_false_is_kept() -> None:
    assert recipient_rows([Recipient("1", fields={"A": 0, "B": 0.5})]) == [
        {"mobile": "1", "A": "0", "B": "0.5"}
    ]


def test_nobody_gives_no_rows() -> None:
    assert recipient_rows([]) == []
