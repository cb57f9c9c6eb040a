"""Message texts and phone numbers as the platform understands them.

Used as a namespace: `texts.mobile(number)`. Templates, sizes and numbers come from
`mediasflow_async.text`. The replacement by GSM-7 characters is the sandbox's own, so that tests
can hold the client's against it.
"""

from __future__ import annotations

from functools import lru_cache
from http import HTTPStatus
from typing import TYPE_CHECKING
from unicodedata import normalize

from mediasflow_async.sandbox.http import HttpError
from mediasflow_async.text import Encoding, TextSize, measure, to_e164
from mediasflow_async.text.templates import PreviewNotInstalled, TemplateError, render

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "PersonalisationError",
    "country_of",
    "e164",
    "mobile",
    "needs_ucs2",
    "rendered",
    "to_gsm7",
]


def rendered(
    template: str, fields: Mapping[str, str], renderer: str, defaults: Mapping[str, str]
) -> str:
    """Return the message for one recipient.

    Args:
        template: the campaign's text.
        fields: the recipient's own, and its short links.
        renderer: one of the guide's six.
        defaults: values of fields that are empty.

    Raises:
        PersonalisationError: the renderer refuses these fields.
        HttpError: 501, the renderer needs an engine that is not installed here.
    """
    try:
        return render(template, fields, renderer=renderer, defaults=defaults)
    except PreviewNotInstalled as error:
        raise HttpError(
            HTTPStatus.NOT_IMPLEMENTED, "RENDERER_NOT_INSTALLED", str(error), field="renderer"
        ) from None
    except TemplateError:
        raise PersonalisationError from None


class PersonalisationError(Exception):
    """A template cannot be filled with one recipient's fields."""


def to_gsm7(text: str) -> str:
    """Return `text` in GSM-7; characters without an equivalent, as emoji, stay. Guide: 2.1."""
    if not needs_ucs2(measure(text)):
        return text
    return "".join(map(_equivalent, normalize("NFC", text)))


_TYPOGRAPHY = {
    **dict.fromkeys("\u2018\u2019\u201a\u201b", "'"),
    **dict.fromkeys("\u201c\u201d\u201e\u00ab\u00bb", '"'),
    **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212", "-"),
    "\u2026": "...",
    "œ": "oe",
    "Œ": "OE",
}


@lru_cache(maxsize=4096)
def _equivalent(character: str) -> str:
    """Return a letter without its accents, or what GSM-7 has instead of a character."""
    for found in (character, _TYPOGRAPHY.get(character, ""), normalize("NFKD", character)[0]):
        if found and not needs_ucs2(measure(found)):
            return found
    return character


def needs_ucs2(size: TextSize) -> bool:
    """Tell whether a message travels as UCS-2."""
    return size.encoding is Encoding.UCS2


def mobile(number: str) -> str | None:
    """Return a mobile number in E.164, None when SMS cannot be sent to it."""
    found = e164(number)
    if found and found.startswith(_FRANCE) and found[len(_FRANCE)] not in "67":
        return None
    return found


def e164(number: str) -> str | None:
    """Return `number` in E.164, None when it is no phone number."""
    try:
        return to_e164(number)
    except ValueError:
        return None


_FRANCE = "+33"
_CODES = """
1 US, 7 RU, 20 EG, 27 ZA, 30 GR, 31 NL, 32 BE, 33 FR, 34 ES, 36 HU, 39 IT, 40 RO, 41 CH, 43 AT,
44 GB, 45 DK, 46 SE, 47 NO, 48 PL, 49 DE, 52 MX, 55 BR, 61 AU, 64 NZ, 65 SG, 81 JP, 82 KR, 86 CN,
90 TR, 91 IN, 212 MA, 213 DZ, 216 TN, 221 SN, 225 CI, 237 CM, 261 MG, 262 RE, 350 GI, 351 PT,
352 LU, 353 IE, 354 IS, 356 MT, 357 CY, 358 FI, 359 BG, 370 LT, 371 LV, 372 EE, 376 AD, 377 MC,
380 UA, 381 RS, 385 HR, 386 SI, 420 CZ, 421 SK, 508 PM, 590 GP, 594 GF, 596 MQ, 687 NC, 689 PF,
852 HK, 961 LB, 971 AE, 972 IL
"""
_WORDS = _CODES.replace(",", " ").split()
_BY_CODE = dict(zip(_WORDS[::2], _WORDS[1::2], strict=True))
_LONGEST_CODE = 3


def country_of(mobile: str) -> str:
    """Return the ISO code of an E.164 number's country, `ZZ` when it is not in the table."""
    digits = mobile.removeprefix("+")
    codes = (digits[:length] for length in range(_LONGEST_CODE, 0, -1))
    return next((_BY_CODE[code] for code in codes if code in _BY_CODE), "ZZ")
