"""What the demo sends, and to whom: the shipped list, and a message that fits a list.

The message is chosen by the columns of the list, and measured with the longest cell of each, so
that the demo can show in how many SMS it fits at worst.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from attrs import evolve, field, frozen

from mediasflow_async.models import CampaignType
from mediasflow_async.text import Culprit, TextSize, measure, placeholders, render, replace_to_gsm7

__all__ = ["BLACKLISTED", "RECIPIENTS", "Longest", "Message", "longest", "message_for"]

RECIPIENTS: Final = Path(__file__).with_name("recipients.csv")
"""A list of 2,000 fictitious people, with the faults that real files have."""

BLACKLISTED: Final = tuple(f"+336399800{line:02}" for line in range(1, 13))
"""The numbers of those in it who asked not to be written to."""


@frozen(kw_only=True)
class Message:
    """What the demo sends.

    Attributes:
        text: the message, with fields such as ``${Prénom}``.
        defaults: what is sent for empty cells, by column.
        sender: the sender shown on the phone; None for a short code.
        type: marketing or notification; None for the account's default.
    """

    text: str = field(repr=False)
    defaults: Mapping[str, str] = field(factory=dict)
    sender: str | None = None
    type: CampaignType | None = None


_ORDER_READY: Final = Message(
    text=(
        "Bonjour ${Prénom}, votre commande est prête à ${Ville} (${Magasin}). "
        "Vous avez déjà ${Points} points de fidélité. À très bientôt !"
    ),
    defaults={"Prénom": "à vous", "Points": "0"},
    sender="BOUTIQUE",
    type=CampaignType.NOTIFICATION,
)
_TEST: Final = "Bonjour, ceci est un SMS d'essai."
_FIRST_NAMES: Final = frozenset({"prénom", "prenom", "firstname", "first name", "first_name"})


def message_for(columns: Sequence[str]) -> Message:
    """Return a message that these columns can personalise."""
    if {*placeholders(_ORDER_READY.text)} <= {*columns, *_ORDER_READY.defaults}:
        return _ORDER_READY
    test = Message(text=_TEST, type=CampaignType.NOTIFICATION)
    name = next((column for column in columns if column.lower() in _FIRST_NAMES), None)
    if name is None:
        return test
    text = _TEST.replace("Bonjour", f"Bonjour ${{{name}}}", 1)
    return evolve(test, text=text, defaults={name: "à vous"})


@frozen(kw_only=True)
class Longest:
    """The longest message of a campaign.

    Attributes:
        text: as the phone shows it, in GSM-7 where that is possible.
        size: its size.
        replaced: the characters that were replaced to fit GSM-7, each once.
        unreplaced: what the size would be otherwise.
    """

    text: str = field(repr=False)
    size: TextSize
    replaced: Sequence[Culprit]
    unreplaced: TextSize


def longest(message: Message, cells: Mapping[str, str]) -> Longest:
    """Return the longest message that a list can give.

    Args:
        message: the message.
        cells: the longest cell of each column (Guide: 2.11.1, `maxDatasMap`).
    """
    written = render(message.text, cells, defaults=message.defaults)
    replaced = replace_to_gsm7(written)
    return Longest(
        text=replaced.text,
        size=measure(replaced.text),
        replaced=list({each.character: each for each in replaced.replacements}.values()),
        unreplaced=measure(written),
    )
