"""Countries of phone numbers, for the counters of lists and the account's destinations."""

from __future__ import annotations

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
_LONGEST = 3


def country_of(mobile: str) -> str:
    """Return the ISO code of an E.164 number's country, `ZZ` when it is not in the table."""
    digits = mobile.removeprefix("+")
    codes = (digits[:length] for length in range(_LONGEST, 0, -1))
    return next((_BY_CODE[code] for code in codes if code in _BY_CODE), "ZZ")
