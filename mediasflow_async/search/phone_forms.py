"""The forms in which a report may hold a phone number."""

from __future__ import annotations

from mediasflow_async.text.phones import InvalidPhone, check_phone


def written_forms(number: str) -> tuple[str, ...]:
    """Return the national form, where it is known, and the international one without `+`.

    `+33685812475` and `0685812475` both give `("0685812475", "33685812475")`.

    Raises:
        InvalidPhone: `number` is no phone number.
    """
    known = check_phone(number)
    international = known.e164.removeprefix("+")
    return (known.national, international) if known.national else (international,)


def report_forms(value: str) -> tuple[str, ...]:
    """Return every form in which the server may know the number that a report shows as `value`."""
    try:
        return (value, *written_forms(value))
    except InvalidPhone:
        return (value,)
