"""Phone numbers of every country, by the `[phone]` extra: importing this module loads it."""

from __future__ import annotations

import re
from typing import Final

import phonenumbers
from phonenumbers import PhoneNumber, PhoneNumberFormat, PhoneNumberType, ValidationResult

from mediasflow_async.secrecy import mask_phone
from mediasflow_async.text.phones import NOT_KNOWN, NOT_MOBILE, InvalidPhone, PhoneCheck

__all__ = ["look_up"]

_NOT_DIGITS: Final = re.compile("[^0-9]+")
_IS_MOBILE: Final = {
    PhoneNumberType.MOBILE: True,
    PhoneNumberType.FIXED_LINE_OR_MOBILE: None,
    PhoneNumberType.UNKNOWN: None,
}


def look_up(dialled: str, region: str) -> PhoneCheck:
    """Return what is known of digits as they are dialled from `region`, or after a `+`.

    Raises:
        InvalidPhone: the country does not exist, or has no numbers of this length.
    """
    number = _parse(dialled, region)
    mobile = _IS_MOBILE.get(phonenumbers.number_type(number), False)
    known = phonenumbers.is_valid_number(number)
    doubts = ((NOT_MOBILE, mobile is False), (NOT_KNOWN, not known))
    return PhoneCheck(
        phonenumbers.format_number(number, PhoneNumberFormat.E164),
        _NOT_DIGITS.sub("", phonenumbers.format_number(number, PhoneNumberFormat.NATIONAL)),
        mobile,
        tuple(text for text, doubt in doubts if doubt),
    )


def _parse(dialled: str, region: str) -> PhoneNumber:
    try:
        number = phonenumbers.parse(dialled, region)
    except phonenumbers.NumberParseException:
        number = None
    if number is None or not _has_possible_length(number):
        # The library's own error is not chained: it quotes the number.
        raise InvalidPhone(
            f"{mask_phone(dialled)} is no phone number of {region}: check its length, or begin it "
            "with + and the code of its country"
        )
    return number


def _has_possible_length(number: PhoneNumber) -> bool:
    reason = phonenumbers.is_possible_number_with_reason(number)
    return reason == ValidationResult.IS_POSSIBLE
