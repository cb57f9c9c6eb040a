"""The rows of a made-up delivery report: the same for every format and every program."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import orjson

__all__ = ["json_row", "write_json"]

_STATUSES: Final = (
    (16, "Delivered"),
    (16, "Delivered"),
    (21, "Delivered"),
    (20, "Not delivered"),
    (17, "Delivered + STOP requested"),
    (22, "Message expired"),
    (16, "Delivered"),
)
_STOP: Final = 17
_TOWNS: Final = ("Lyon", "Saint-Étienne", "Paris", "Bourg-en-Bresse", "Orléans")
_PER_SECOND: Final = 40
_BLOCK_ROWS: Final = 1000


def json_row(number: int) -> dict[str, Any]:
    """Return one row as the sandbox writes it: 13 values, two links, six columns of the user's.

    Forty messages go out in a second, so that neighbours share their dates, as they would.
    """
    status, label = _STATUSES[number % len(_STATUSES)]
    clicked = number % 10 == 0
    sent_second = number // _PER_SECOND
    clicked_at = _moment(sent_second + number % 5000) if clicked else None
    link = {"date": clicked_at, "counter": int(clicked)}
    return {
        "campaignId": 943,
        "refList": "clients_2027",
        "idLine": number + 1,
        "item": f"336{number:08}",
        "type": "BCAST_MKG",
        "msg": f"Bonjour Hélène, votre commande {number} est prête, à retirer 7j/7 de 9h à 19h.",
        "status": status,
        "statusText": label,
        "sendDate": _moment(sent_second),
        "deliveryDate": _moment(sent_second + 2 + number % 7),
        "reply": "STOP" if status == _STOP else "",
        "preview": None,
        "previewCounter": 0,
        "tracks": [{"index": 0, **link}, {"index": 1, **link}],
        "fields": {
            "REF": f"C-{number:08}",
            "Nom": "Lefèvre",
            "Prénom": "Hélène",
            "Ville": _TOWNS[number % len(_TOWNS)],
            "CP": f"{number % 96:02}100",
            "Remarque": 'sonner "fort", puis attendre',
        },
    }


def _moment(second: int) -> str:
    """Return a second of a day in the way of the campaign dates."""
    minutes, seconds = divmod(second % 43200, 60)
    hours, minutes = divmod(minutes, 60)
    return f"Jun 16, 2027 {hours or 12}:{minutes:02}:{seconds:02} PM"


def write_json(path: Path, count: int) -> None:
    """Write a report of so many rows as one JSON array."""
    with path.open("wb") as file:
        for start in range(0, count, _BLOCK_ROWS):
            rows = map(json_row, range(start, min(start + _BLOCK_ROWS, count)))
            file.write(b"," if start else b"[")
            file.write(b",".join(map(orjson.dumps, rows)))
        file.write(b"]")
