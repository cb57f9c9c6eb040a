"""Phone numbers in every form that the guide shows, read into E.164. Guide: 2.6, 2.9 and 2.11.

The French numbering plan, overseas departments included, is written down here. Numbers of other
countries need their `+`, or the `[phone]` extra, whose library (`phonenumbers`) also knows which
ranges are in use. It takes a while to load, so it is imported when it is first asked.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from typing import TYPE_CHECKING, Final

from attrs import evolve, field, frozen

from mediasflow_async.secrecy import mask_phone

if TYPE_CHECKING:
    from types import ModuleType

    from phonenumbers import PhoneNumber

__all__ = [
    "FRENCH_CODES",
    "NOT_KNOWN",
    "SPOILED",
    "InvalidPhone",
    "PhoneCheck",
    "check_phone",
    "clean_number",
    "is_machine",
    "is_mobile",
    "is_spoiled",
    "national",
    "to_e164",
]

FRENCH_CODES: Final = ("+33", "+590", "+594", "+596", "+262")
"""Country codes of the French numbering plan, overseas departments included."""

NOT_KNOWN: Final = "well formed, but in no range known to be in use: mistyped, or very new"
"""The warning of a number that the `[phone]` extra does not find in its lists."""

SPOILED: Final = (
    "a spreadsheet has cut this number short, as in 3.36E+10, and its digits are lost: format the "
    "column as text, fill it again from its source, and export it again"
)
"""What to do about a number of which a spreadsheet kept some digits only."""

_MACHINE: Final = "the number of a machine, such as a modem: check that it is meant"
_NOT_MOBILE: Final = "not a mobile number: it will hardly receive an SMS"


def to_e164(number: str, region: str = "FR") -> str:
    """Return `number` in E.164: `0685812475` gives `+33685812475`.

    French numbers are read in every form of the guide: `33685812475`, `+33685812475`,
    `0033685812475`, `0685812475`, `tel:0624170068`, `06 24 17 00 68`, and `624170068`, whose 0 a
    spreadsheet lost. Overseas departments get their own code: `0692123456` is `+262692123456`.
    A number of another country needs `+` or `00`, or else its `region` and the `[phone]` extra.
    Guide: 2.6, 2.9 and 2.11.

    Args:
        number: the number as it was written or dialled.
        region: the country of a number without a country code: two letters, ISO 3166-1.

    Raises:
        InvalidPhone: `number` is in none of these forms.
    """
    return _read(number, region).e164


def national(number: str, region: str = "FR") -> str | None:
    """Return `number` as it is dialled in its own country: `+33685812475` gives `0685812475`.

    None for another country's number without the `[phone]` extra. Guide: 2.6.

    Raises:
        InvalidPhone: as in `to_e164`.
    """
    return _read(number, region).national


def is_mobile(number: str, region: str = "FR") -> bool | None:
    """Tell whether `number` is a mobile number; None where its numbering plan does not tell.

    None too for another country's number without the `[phone]` extra. Guide: 2.11.

    Raises:
        InvalidPhone: as in `to_e164`.
    """
    return _read(number, region).is_mobile


def is_machine(e164: str) -> bool:
    """Tell whether a number in E.164 is one of the French plan for machines: 0700 and 10 more."""
    return _E164_OF_MACHINE.fullmatch(e164) is not None


def check_phone(number: str, region: str = "FR") -> PhoneCheck:
    """Return `number` in both its forms, whether it is mobile, and what is doubtful about it.

    The `[phone]` extra also knows which ranges are in use. A number outside of them gets a warning
    and is never refused, since ranges open faster than their lists are published. Guide: 2.11.

    Raises:
        InvalidPhone: as in `to_e164`.
    """
    check = _read(number, region)
    library = _phonenumbers()
    if library is None or is_machine(check.e164):
        return check
    if NOT_KNOWN not in _read_with_library(library, check.e164, region).warnings:
        return check
    return evolve(check, warnings=tuple(dict.fromkeys((*check.warnings, NOT_KNOWN))))


@frozen
class PhoneCheck:
    """What is known of a phone number. Guide: 2.6, 2.9 and 2.11.

    Attributes:
        e164: the number in E.164, `+33685812475`.
        national: as it is dialled in its own country, `0685812475`; None for another country's
            number without the `[phone]` extra.
        is_mobile: None where the numbering plan does not tell, and for another country's number
            without the `[phone]` extra.
        warnings: what is doubtful about a well-formed number, in English; often empty.
    """

    e164: str = field(repr=mask_phone)
    national: str | None = field(repr=False)
    is_mobile: bool | None
    warnings: tuple[str, ...] = ()


class InvalidPhone(ValueError):
    """The text is not a phone number. The message says why, and shows the number masked."""


def _read(number: str, region: str) -> PhoneCheck:
    dialled = _dialled(number)
    return _read_french(dialled, region) or _read_foreign(dialled, region)


# Spaces, dots, dashes, slashes and parentheses.
_SEPARATORS: Final = re.compile(r"[\s.()/-]+")

_DIGITS: Final = re.compile(r"\+?[0-9]+")


def _dialled(number: str) -> str:
    """Return the digits of `number`, after a `+` when it is international."""
    if not _DIGITS.fullmatch(number):
        number = clean_number(number)
        if is_spoiled(number):
            raise InvalidPhone(SPOILED)
        number = _SEPARATORS.sub("", number).lower().removeprefix("tel:")
    if not _DIGITS.fullmatch(number):
        raise InvalidPhone(
            f"{mask_phone(number)!r} is no phone number: only digits, spaces, dots, dashes and "
            "parentheses can stand in one, as in 0612345678 or +33 6 12 34 56 78"
        )
    return f"+{number[2:]}" if number.startswith("00") else number


_PLAIN: Final = re.compile(r"[+0-9 .()/-]*")
# Soft hyphens, marks of no width and of direction: address books and web pages add them.
_INVISIBLE: Final = "[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]"
_WRITTEN_OTHERWISE: Final = {
    re.compile(_INVISIBLE): "",
    re.compile("[\u2010-\u2015\u2212\ufe58\ufe63\uff0d]"): "-",
    re.compile("\uff0b"): "+",
    re.compile(r"\s+"): " ",
}
# A whole number that was kept with its decimals, of which none says anything.
_WHOLE: Final = re.compile(r"(\+?[0-9]{9,15})[.,]0+")
_EXPONENT: Final = re.compile(r"\+?([0-9])[.,]?([0-9]*)e\+?([0-9]{1,2})", re.IGNORECASE)


def clean_number(number: str) -> str:
    """Return `number` as it was meant, where nothing has to be guessed.

    Without invisible marks, with the digits 0 to 9 and a plain hyphen and space, without the
    apostrophe by which a spreadsheet knows text, and as a whole number where a program wrote
    `33612345678.0` or all the digits of `3.3612345678E+10`.
    """
    if not _PLAIN.fullmatch(number):
        for written, plain in _WRITTEN_OTHERWISE.items():
            number = written.sub(plain, number)
        number = "".join(map(_ascii_digit, number)).strip().removeprefix("'")
    if whole := _WHOLE.fullmatch(number):
        return whole[1]
    parts = _EXPONENT.fullmatch(number)
    if parts and len(parts[2]) == int(parts[3]):
        return parts[1] + parts[2]
    return number


def _ascii_digit(character: str) -> str:
    return str(unicodedata.decimal(character, character))


def is_spoiled(number: str) -> bool:
    """Whether a spreadsheet has rounded a clean number, so that its last digits are lost."""
    return _EXPONENT.fullmatch(number.strip()) is not None


# A country code, a 0 or neither (a spreadsheet lost it), then the nine digits of the plan.
_FRENCH: Final = re.compile(r"(?:\+?(33|590|594|596|262))?0?([1-9][0-9]{8})")

_MACHINE_NUMBER: Final = re.compile(r"(?:\+?33)?0?(700[0-9]{10})")
_E164_OF_MACHINE: Final = re.compile(r"\+33700[0-9]{10}")

_FRENCH_REGIONS: Final = frozenset({"FR", "GP", "MF", "BL", "GF", "MQ", "RE", "YT"})


def _read_french(dialled: str, region: str) -> PhoneCheck | None:
    """Return what the French numbering plan says, or None for a number of another country."""
    with_code = dialled.startswith(FRENCH_CODES)
    if machine := _MACHINE_NUMBER.fullmatch(dialled):
        digits = machine[1]
        return PhoneCheck(f"+33{digits}", f"0{digits}", is_mobile=True, warnings=(_MACHINE,))
    if not with_code and (dialled.startswith("+") or region not in _FRENCH_REGIONS):
        return None
    found = _FRENCH.fullmatch(dialled)
    code = _french_code(found[2]) if found else None
    # +33 before an overseas number is a common mistake with only one meaning; no other mismatch
    # between a country code and its number is.
    if not found or found[1] not in {None, "33", code}:
        raise InvalidPhone(
            f"{mask_phone(dialled)} is no French number: nine digits follow its 0 or its +33, and "
            "the number of another country begins with + or 00"
        )
    nine = found[2]
    mobile = nine[0] in "67"
    return PhoneCheck(f"+{code}{nine}", f"0{nine}", mobile, () if mobile else (_NOT_MOBILE,))


_OVERSEAS: Final = {
    "590": ("590", "690", "691", "7090"),
    "594": ("594", "694", "70930", "70931", "70932", "70933", "70934"),
    "596": ("596", "696", "697", "7091"),
    "262": ("262", "269", "639", "692", "693", "7092", "70935", "70936", "70937"),
}
"""Country code of each overseas department, and the prefixes of its nine digits."""

_FICTION: Final = "63998"
"""Metropolitan numbers reserved for fiction and examples, although Mayotte has 639."""


def _french_code(nine: str) -> str:
    if nine.startswith(_FICTION):
        return "33"
    return next((code for code, starts in _OVERSEAS.items() if nine.startswith(starts)), "33")


_INTERNATIONAL: Final = re.compile(r"\+[1-9][0-9]{7,14}")


def _read_foreign(dialled: str, region: str) -> PhoneCheck:
    library = _phonenumbers()
    if library is not None:
        return _read_with_library(library, dialled, region)
    if _INTERNATIONAL.fullmatch(dialled):
        return PhoneCheck(dialled, national=None, is_mobile=None)
    if dialled.startswith("+"):
        raise InvalidPhone(f"{mask_phone(dialled)} is no phone number: 8 to 15 digits follow the +")
    raise InvalidPhone(
        f"{mask_phone(dialled)} has no country code: begin it with +, or install "
        f"mediasflow-async[phone], which knows the numbers of {region}"
    )


@cache
def _phonenumbers() -> ModuleType | None:
    """Return the library of the `[phone]` extra, None where it is not installed."""
    try:
        import phonenumbers
    except ImportError:
        return None
    return phonenumbers


_NOT_DIGITS: Final = re.compile("[^0-9]+")


def _read_with_library(library: ModuleType, dialled: str, region: str) -> PhoneCheck:
    """Return what the library knows of digits that are dialled from `region`, or follow a `+`."""
    number = _parse(library, dialled, region)
    mobile = _type_is_mobile(library, number)
    known = library.is_valid_number(number)
    doubts = ((_NOT_MOBILE, mobile is False), (NOT_KNOWN, not known))
    return PhoneCheck(
        library.format_number(number, library.PhoneNumberFormat.E164),
        _NOT_DIGITS.sub("", library.format_number(number, library.PhoneNumberFormat.NATIONAL)),
        mobile,
        tuple(text for text, doubt in doubts if doubt),
    )


def _parse(library: ModuleType, dialled: str, region: str) -> PhoneNumber:
    try:
        number: PhoneNumber | None = library.parse(dialled, region)
    except library.NumberParseException:
        number = None
    if number is None or not _has_possible_length(library, number):
        # The library's own error is not chained: it quotes the number.
        raise InvalidPhone(
            f"{mask_phone(dialled)} is no phone number of {region}: check its length, or begin it "
            "with + and the code of its country"
        )
    return number


def _has_possible_length(library: ModuleType, number: PhoneNumber) -> bool:
    reason = library.is_possible_number_with_reason(number)
    return bool(reason == library.ValidationResult.IS_POSSIBLE)


def _type_is_mobile(library: ModuleType, number: PhoneNumber) -> bool | None:
    kind, kinds = library.number_type(number), library.PhoneNumberType
    if kind in {kinds.FIXED_LINE_OR_MOBILE, kinds.UNKNOWN}:
        return None
    return bool(kind == kinds.MOBILE)
