from __future__ import annotations

import pickle
import sys
from importlib import import_module
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

import mediasflow_async.text
from mediasflow_async.text import InvalidPhone, check_phone, is_mobile, national, phones, to_e164

nine_digits = st.integers(100_000_000, 999_999_999).map(str)


@pytest.fixture
def without_extra(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A fresh `phones` that cannot load the library of the extra."""
    monkeypatch.setitem(sys.modules, "phonenumbers", None)
    monkeypatch.setattr(mediasflow_async.text, "phones", phones)
    monkeypatch.delitem(sys.modules, phones.__name__)
    return import_module(phones.__name__)


@pytest.fixture
def _with_extra() -> None:
    pytest.importorskip("phonenumbers")


@pytest.mark.parametrize(
    "number",
    [
        "33685812475",
        "+33685812475",
        "0033685812475",
        "0685812475",
        "685812475",
        "tel:0685812475",
        "TEL:+33-6-85-81-24-75",
        "06 85 81 24 75",
        "06.85.81.24.75",
        "06-85-81-24-75",
        "06/85/81/24/75",
        "06\u201185\u201181\u201324\u201375",
        "06\u00a085\u202f81\u00a024\u00a075",
        "+33 (0)6 85 81 24 75",
        "(+33) 6 85 81 24 75",
        "\u202a+33 6 85 81 24 75\u202c",
        " 0685812475\n",
        "06\u200b85\ufeff81\u00ad24\u206075",
        "06\u221285\u221281\uff0d24\u201275",
        "\uff10\uff16\uff18\uff15\uff18\uff11\uff12\uff14\uff17\uff15",
        "\uff0b33\u3000685812475",
        "٠٦٨٥٨١٢٤٧٥",
        "33685812475.0",
        "685812475,00",
        "3.3685812475E+10",
        "6,85812475e8",
        "'0685812475",
    ],
)
def test_every_form_of_a_french_number_gives_the_same(number: str) -> None:
    assert to_e164(number) == "+33685812475"


@pytest.mark.parametrize("number", ["3.36E+10", "3,3685812E10", "3E+10", "6.8581247E+08"])
def test_a_number_of_which_digits_are_lost_is_told_as_that(number: str) -> None:
    with pytest.raises(InvalidPhone, match="a spreadsheet has cut this number short"):
        to_e164(number)


@pytest.mark.parametrize("number", ["07001234567890", "+33 7001234567890", "00337001234567890"])
def test_the_number_of_a_machine_has_14_digits_and_a_warning(number: str) -> None:
    check = check_phone(number)
    assert (check.e164, check.national) == ("+337001234567890", "07001234567890")
    assert check.is_mobile
    assert "the number of a machine" in check.warnings[0]


def test_the_forms_of_the_guides_list() -> None:
    assert to_e164("tel:0624170068") == to_e164("624170068") == "+33624170068"


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        ("0690123456", "+590690123456"),
        ("0691221234", "+590691221234"),
        ("0694201234", "+594694201234"),
        ("0696201234", "+596696201234"),
        ("0697201234", "+596697201234"),
        ("0692123456", "+262692123456"),
        ("0693123456", "+262693123456"),
        ("0639123456", "+262639123456"),
        ("0709012345", "+590709012345"),
        ("0709112345", "+596709112345"),
        ("0709212345", "+262709212345"),
        ("0709312345", "+594709312345"),
        ("0709351234", "+262709351234"),
        ("0262161234", "+262262161234"),
        ("0638123456", "+33638123456"),
        ("0695123456", "+33695123456"),
    ],
)
def test_overseas_departments_have_their_own_code(number: str, expected: str) -> None:
    assert to_e164(number) == expected
    assert to_e164(expected) == expected
    assert to_e164(expected.removeprefix("+")) == expected
    assert national(expected) == number


def test_the_french_code_before_an_overseas_number_is_put_right() -> None:
    assert to_e164("+33692123456") == to_e164("33692123456") == "+262692123456"


@pytest.mark.parametrize(
    "number",
    [
        "",
        "+",
        "++33685812475",
        "06858I2475",
        "0685812475 (Paul)",
        "call 0685812475",
        "6.2417E+08",
        "3,36E+10",
        "068581247",
        "06858124755",
        "+3368581247",
        "+336858124755",
        "33085812475",
        "0000000000",
        "36184",
        "112",
        "+590612345678",
        "+262690123456",
        "4479111234567",
        "+0447911123456",
        "+1234567890123456",
    ],
)
def test_what_is_no_number_is_refused(number: str) -> None:
    with pytest.raises(InvalidPhone):
        to_e164(number)


@given(nine_digits)
def test_every_form_of_nine_digits_is_one_number(nine: str) -> None:
    expected = to_e164(f"0{nine}")
    forms = [nine, f"33{nine}", f"+33{nine}", f"0033{nine}", f"tel:0{nine}", f"+33 (0){nine}"]
    assert {to_e164(form) for form in forms} == {expected}
    assert to_e164(expected) == expected
    assert national(expected) == f"0{nine}"


@given(st.text())
def test_any_text_is_a_number_or_refused(text: str) -> None:
    try:
        number = to_e164(text)
    except InvalidPhone:
        return
    assert number.startswith("+")
    assert number[1:].isdecimal()
    assert number.isascii()


@pytest.mark.parametrize("number", ["068581247599", "+3368581247599", "06858I2475", "+99985812475"])
def test_an_error_never_shows_the_number(number: str) -> None:
    with pytest.raises(InvalidPhone) as caught:
        to_e164(number)
    assert number not in repr(caught.value)
    assert "85812" not in repr(caught.value)
    assert caught.value.__cause__ is None
    copy = pickle.loads(pickle.dumps(caught.value))  # noqa: S301  our own bytes
    assert str(copy) == str(caught.value)


def test_a_check_never_shows_the_number() -> None:
    assert "85812" not in repr(check_phone("0685812475"))


@pytest.mark.parametrize(
    ("number", "mobile"),
    [("0685812475", True), ("0756123456", True), ("0692123456", True), ("0145678901", False)],
)
def test_french_mobiles_begin_with_6_or_7(number: str, mobile: bool) -> None:  # noqa: FBT001  a case
    assert is_mobile(number) is mobile


def test_a_landline_is_a_number_with_a_warning() -> None:
    check = check_phone("01 45 67 89 01")
    assert check.e164 == "+33145678901"
    assert any("not a mobile" in warning for warning in check.warnings)


def test_without_the_extra_another_country_needs_its_code(without_extra: ModuleType) -> None:
    to_e164 = without_extra.to_e164
    assert to_e164("+32 470 12 34 56", "BE") == to_e164("0032470123456") == "+32470123456"
    with pytest.raises(without_extra.InvalidPhone, match=r"mediasflow-async\[phone\]"):
        to_e164("0470123456", "BE")


@pytest.mark.parametrize("number", ["+1234567", "+1234567890123456"])
def test_without_the_extra_another_country_has_8_to_15_digits(
    without_extra: ModuleType, number: str
) -> None:
    with pytest.raises(without_extra.InvalidPhone, match="8 to 15 digits"):
        without_extra.to_e164(number)


def test_without_the_extra_nothing_more_is_known_of_another_country(
    without_extra: ModuleType,
) -> None:
    check = without_extra.check_phone("+32470123456")
    assert (check.national, check.is_mobile, check.warnings) == (None, None, ())
    assert without_extra.is_mobile("+32470123456") is None
    assert without_extra.national("+32470123456") is None


def test_without_the_extra_french_numbers_are_the_same(without_extra: ModuleType) -> None:
    assert without_extra.check_phone("0692 12 34 56").e164 == "+262692123456"
    assert without_extra.is_mobile("0692 12 34 56") is True


@pytest.mark.usefixtures("_with_extra")
@pytest.mark.parametrize(
    ("number", "region", "e164", "dialled"),
    [
        ("0470 12 34 56", "BE", "+32470123456", "0470123456"),
        ("(201) 555-0123", "US", "+12015550123", "2015550123"),
        ("347 123 4567", "IT", "+393471234567", "3471234567"),
        ("+44 7911 123456", "FR", "+447911123456", "07911123456"),
        ("+33 6 85 81 24 75", "BE", "+33685812475", "0685812475"),
    ],
)
def test_the_extra_knows_every_country(number: str, region: str, e164: str, dialled: str) -> None:
    assert to_e164(number, region) == e164
    assert national(number, region) == dialled


@pytest.mark.usefixtures("_with_extra")
@pytest.mark.parametrize(
    ("number", "region"), [("+3247012", "FR"), ("0470", "BE"), ("0470123456", "XX")]
)
def test_the_extra_refuses_what_its_country_cannot_have(number: str, region: str) -> None:
    with pytest.raises(InvalidPhone, match=f"no phone number of {region}"):
        to_e164(number, region)


@pytest.mark.usefixtures("_with_extra")
@pytest.mark.parametrize("number", ["+33700000000", "+32100000000"])
def test_a_range_not_known_yet_is_a_warning_and_no_refusal(number: str) -> None:
    check = check_phone(number)
    assert check.e164 == number
    assert any("no range known" in warning for warning in check.warnings)


@pytest.mark.usefixtures("_with_extra")
def test_the_extra_tells_mobiles_from_landlines_where_the_country_does() -> None:
    assert is_mobile("+447911123456") is True
    assert is_mobile("+442079460000") is False
    assert is_mobile("+12015550123") is None
    assert any("not a mobile" in warning for warning in check_phone("+442079460000").warnings)
    assert check_phone("+447911123456").warnings == ()
