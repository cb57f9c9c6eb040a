"""What an answer tells about an operation: done, refused, in progress, or unreadable.

The guide does not say how the server refuses, nor what it answers to half of its functions, and
servers refuse under 200, behind a login page, or in a text. So nothing that was not read counts as
success: `judge` is the one place that decides, for every operation, and has no I/O.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from enum import Enum, auto
from functools import lru_cache
from typing import Any, Final, NamedTuple

from attrs import fields

from mediasflow_async._core.bearers import is_page
from mediasflow_async.converter.names import NUMBER_NAMES, folded, folded_names, spellings_of
from mediasflow_async.models import BlacklistEntry, Campaign, CampaignStatus, RecipientList
from mediasflow_async.models.values import readable_id

__all__ = [
    "STATES_AFTER_DRAFT",
    "Expected",
    "Judgement",
    "Tells",
    "campaign_id_in",
    "judge",
    "state_in",
]

STATES_AFTER_DRAFT: Final = frozenset(
    {
        CampaignStatus.INPROGRESS,
        CampaignStatus.INJECTING,
        CampaignStatus.INJECTED,
        CampaignStatus.SCHEDULED,
    }
)
"""States of a campaign whose launch was executed (Guide: 2.1.3.1)."""


class Expected(Enum):
    """What the answer to an operation holds when the server did what it was asked."""

    DRAFT = auto()
    """A campaign with its number, for a `prepare` (Guide: 2.1.3.1)."""
    LAUNCHED = auto()
    """A campaign with its number, in a state after DRAFT (Guide: 2.1.3.2)."""
    CHANGE = auto()
    """Whatever confirms it: the guide does not say (Guide: 2.2, 2.3, 2.9)."""
    CANCELLED = auto()
    """Whatever confirms it, but for a campaign in a state other than DRAFT (Guide: 2.8)."""
    LIST = auto()
    """A list with its number (Guide: 2.11)."""
    ROWS = auto()
    """JSON, of which rows are read elsewhere (Guide: 2.5, 2.7, 2.10)."""
    ANYTHING = auto()
    """What only the caller knows, in a request of the caller's own."""


class Tells(Enum):
    """What an answer tells."""

    DONE = auto()
    """The server did it, and says so in a way that can be read."""
    REFUSED = auto()
    """The server says that it did not."""
    IN_PROGRESS = auto()
    """The server has taken it, and has not ended it."""
    UNREADABLE = auto()
    """Neither can be read: whether it was done is unknown."""


class Judgement(NamedTuple):
    """What an answer tells, and why.

    Attributes:
        tells: done, refused, in progress, or unreadable.
        data: the decoded body without its envelope.
        message: in a refusal, what the server says; in an unreadable answer, what is wrong.
        code: the server's code of a refusal, as it stands in the answer.
    """

    tells: Tells
    data: Any = None
    message: str = ""
    code: str | None = None


def judge(
    expected: Expected, status: int, media_type: str, data: object, *, campaign_id: int | None
) -> Judgement:
    """Return what an answer tells.

    Args:
        expected: what the operation answers when it was done.
        status: the HTTP status.
        media_type: the `Content-Type`, in any case and with any parameters; may be empty.
        data: the decoded body: JSON where it is JSON, None where it is empty, else text.
        campaign_id: the campaign that the call names, or None.
    """
    payload = _opened(data)
    if status >= _FIRST_SERVER_ERROR or status in _LATE:
        return Judgement(Tells.UNREADABLE, payload, _message_in(data, payload))
    if refusal := _refusal(expected, status, media_type, data, payload):
        return refusal
    judgement = _JUDGES[expected](status, payload, campaign_id)
    if judgement.tells is not Tells.DONE and status == _ACCEPTED:
        return judgement._replace(tells=Tells.IN_PROGRESS)
    return judgement


def campaign_id_in(data: object) -> int | None:
    """Return the number of the campaign that an answer names, or None.

    None too where it names several: nobody can tell which of them is meant.
    """
    return _one_id(data, _names_of(_CAMPAIGN_IDS, data)) if isinstance(data, dict) else None


def _one_id(data: Mapping[str, Any], names: list[str]) -> int | None:
    if len(names) == 1:
        return readable_id(data[names[0]])
    named = {readable_id(data[name]) for name in names} - {None}
    return named.pop() if len(named) == 1 else None


def state_in(data: object) -> str:
    """Return the state of the campaign that an answer describes, as it is written; may be empty."""
    if not isinstance(data, dict):
        return ""
    state = data.get("status")
    if state is None and (names := _names_of(_STATUS, data)):
        state = data[names[0]] if len(names) == 1 else None
    return state if isinstance(state, str) else ""


_STATES: Final = STATES_AFTER_DRAFT | {CampaignStatus.DRAFT}
_FIRST_SUCCESS: Final = 200
_ACCEPTED: Final = 202
_FIRST_ERROR_STATUS: Final = 300
_FIRST_CLIENT_ERROR: Final = 400
_FIRST_SERVER_ERROR: Final = 500
_LATE: Final = frozenset({408})
_CAMPAIGN_IDS: Final = spellings_of(Campaign, "id")
_LIST_IDS: Final = spellings_of(RecipientList, "id")
_IDS: Final = (*_CAMPAIGN_IDS, *_LIST_IDS)
_ID_NAMES: Final = frozenset(_IDS)
_STATUS: Final = spellings_of(Campaign, "status")


def _names_of(spellings: tuple[str, ...], data: Mapping[str, Any]) -> list[str]:
    """Return the names in an answer that are spelled so, or else by the same letters and digits."""
    exact = [name for name in spellings if data.get(name) is not None]
    return exact or folded_names(spellings, data)


# What the server asks for, and what holds it: {"data": {...}}, {"status": "OK", "campaign": {...}}.
_ENVELOPES: Final = frozenset(
    "data campaign result payload response content body value list entry test".split()
)
_MOST_ENVELOPES: Final = 8


def _opened(data: object) -> object:
    """Return what an answer is about, without an envelope and without a list of one."""
    for _ in range(_MOST_ENVELOPES):
        if isinstance(data, list) and len(data) == 1 and isinstance(data[0], dict):
            data = data[0]
        if not isinstance(data, dict) or not _ID_NAMES.isdisjoint(data) or folded_names(_IDS, data):
            break
        named = _envelopes_among(tuple(data))
        held = [data[name] for name in named if isinstance(data[name], dict | list)]
        if len(held) != 1 or not held[0]:
            break
        data = held[0]
    return data


@lru_cache(maxsize=64)
def _envelopes_among(names: tuple[str, ...]) -> list[str]:
    return [name for name in names if folded(name) in _ENVELOPES]


_NO: Final = frozenset({"false", "no", "n", "0", "ko", "nok", "non", "faux"})
_YES: Final = frozenset({"true", "yes", "y", "1", "ok", "oui", "vrai"})
_REFUSED: Final = frozenset(
    "ko nok error erreur failed failure fail echec échec refused rejected denied forbidden "
    "unauthorized invalid exception".split()
)
_DONE: Final = frozenset(
    "ok success succes successful succeeded done true accepted added created updated modified "
    "deleted cancelled canceled".split()
)
_FLAGS: Final = frozenset({"success", "ok", "succeeded", "successful", "issuccess"})
_OUTCOMES: Final = frozenset(
    "result status statut outcome resultat résultat state response".split()
)
_COMPLAINTS: Final = frozenset(
    "error errors errormessage errormsg errordescription erreur erreurs fault exception exceptions "
    "violations fieldviolations parameterviolations propertyviolations constraintviolations "
    "fielderrors validationerrors".split()
)
_OF_CAMPAIGNS: Final = frozenset({"status", "message"})
_TELLING: Final = _FLAGS | _OUTCOMES | _COMPLAINTS | {"errorcode", "code", "message"}
_MESSAGES: Final = (
    "message errormessage errordescription detail error errors title description".split()
)
_CODES: Final = ("code", "errorcode", "error")
_TITLE: Final = re.compile(r"<title[^>]*>(.*?)</title>", re.IGNORECASE | re.DOTALL)


def _refusal(
    expected: Expected, status: int, media_type: str, data: object, payload: object
) -> Judgement | None:
    """Return the refusal that an answer is, or None where it does not refuse."""
    if status >= _FIRST_ERROR_STATUS or "problem+json" in media_type.lower():
        return _refused(data, payload)
    if _refuses(data, expected):
        return _refused(data, payload)
    if payload is not data and _refuses(payload, expected) and not _is_row(payload, expected):
        return _refused(payload, payload)
    return None


def _refused(data: object, payload: object) -> Judgement:
    return Judgement(Tells.REFUSED, payload, _message_in(data, payload), _code_in(data))


# Names without which an object is no row, of a report or of the blacklist.
_OF_ROWS: Final = NUMBER_NAMES | {"idline", "statuscode"}


def _is_row(payload: object, expected: Expected) -> bool:
    """Whether an answer is one row, whose members may be called like those of a refusal."""
    if expected is not Expected.ROWS or not isinstance(payload, dict):
        return False
    return not _OF_ROWS.isdisjoint(map(folded, payload))


def _refuses(data: object, expected: Expected) -> bool:
    """Whether a body under a status of success says that nothing was done."""
    if not isinstance(data, dict):
        is_said = data is False or (isinstance(data, str) and _word(data) in _REFUSED)
        return is_said and expected is not Expected.ANYTHING
    names = _telling_names(tuple(data))
    if names.keys() <= _OF_CAMPAIGNS:
        # Nearly all answers are campaigns, which have nothing else that tells of a refusal.
        if expected is Expected.ANYTHING:
            return False
        status = data.get(names.get("status", ""))
        return status is not None and (
            _word(status) in _REFUSED or (isinstance(status, int) and status >= _FIRST_CLIENT_ERROR)
        )
    return any(_refuses_by(names, data, expected))


def _refuses_by(
    names: Mapping[str, str], data: Mapping[str, Any], expected: Expected
) -> Iterator[bool]:
    told = {word: data[name] for word, name in names.items()}
    yield any(_word(told[name]) in _NO for name in _FLAGS & told.keys())
    yield any(_is_complaint(told[name]) for name in _COMPLAINTS & told.keys())
    yield not _is_code_of_success(told.get("errorcode"))
    if expected is Expected.ANYTHING:
        # In an answer that only the caller knows, these may be anything.
        return
    yield any(_word(told[name]) in _REFUSED for name in _OUTCOMES & told.keys())
    yield "message" in told and not _is_code_of_success(told.get("code"))
    # The members of RFC 9457, which some send as plain JSON.
    yield isinstance(told.get("status"), int) and told["status"] >= _FIRST_CLIENT_ERROR


@lru_cache(maxsize=64)
def _telling_names(names: tuple[str, ...]) -> dict[str, str]:
    """Return the names in an answer that may say how it went, by their letters and digits.

    Answers have few shapes: remembered by shape, this costs a call next to nothing.
    """
    spelled = {folded(name): name for name in names}
    return {name: spelled[name] for name in _TELLING & spelled.keys()}


def _is_complaint(value: object) -> bool:
    return bool(value) and _word(value) not in {"false", "0", "none", "null"}


def _word(value: object) -> str:
    """Return a value as a word to compare: `False`, `0` and "KO " are "false", "0" and "ko"."""
    return str(value).strip(" .!\t\r\n\"'").lower() if isinstance(value, str | int) else ""


def _is_code_of_success(value: object) -> bool:
    if value is None or _word(value) in {"", "0", "00", "000", *_DONE}:
        return True
    word = _word(value)
    return word.isdigit() and _FIRST_SUCCESS <= int(word) < _FIRST_ERROR_STATUS


def _code_in(data: object) -> str | None:
    if not isinstance(data, dict):
        return None
    codes = [code for name in _CODES for code in _members(data, name)]
    own = next((str(code) for code in codes if _is_code(code)), None)
    return own or next(filter(None, map(_code_in, codes)), None)


def _members(data: Mapping[str, Any], name: str) -> list[Any]:
    """Return the members with a name, given by its letters and digits."""
    return [data[each] for each in data if folded(each) == name]


def _is_code(value: object) -> bool:
    if isinstance(value, bool):
        return False
    return isinstance(value, int) or (isinstance(value, str) and value != "" and " " not in value)


def _message_in(data: object, payload: object) -> str:
    """Return what the server says; a campaign's own `message` is the text of an SMS, and not it."""
    for part in (data, payload):
        if isinstance(part, dict) and (text := _text_of(part)):
            return text
    if not isinstance(data, str):
        return ""
    if title := _TITLE.search(data):
        return title[1].strip()
    return "" if "<" in data else data.strip()


def _text_of(told: object, depth: int = _MOST_ENVELOPES) -> str:
    """Return the message that a value is or holds, as in `{"error": {"message": ...}}`."""
    if not told or not depth:
        return ""
    if isinstance(told, list):
        return "; ".join(filter(None, (_text_of(each, depth - 1) for each in told)))
    if not isinstance(told, dict):
        return str(told).strip()
    names = () if _is_campaign(told) else _MESSAGES
    texts = (_text_of(each, depth - 1) for name in names for each in _members(told, name))
    return next(filter(None, texts), "")


def _is_campaign(data: Mapping[str, Any]) -> bool:
    """Whether an object is a campaign: by its id, or by a state beside an id of any kind."""
    names = _names_of(_CAMPAIGN_IDS, data)
    return bool(names) and (_one_id(data, names) is not None or state_in(data) != "")


def _unreadable(payload: object, message: str) -> Judgement:
    return Judgement(Tells.UNREADABLE, payload, message)


def _campaign(_status: int, payload: object, campaign_id: int | None) -> Judgement:
    """Return DONE for a campaign that names itself, and no other than the one that was meant."""
    if not isinstance(payload, dict):
        return _unreadable(payload, f"{_kind_of(payload)} instead of a campaign")
    names = _names_of(_CAMPAIGN_IDS, payload)
    if not names:
        if _is_message_alone(payload):
            return Judgement(Tells.REFUSED, payload, _message_in(payload, payload))
        return _unreadable(payload, "no campaign is named in it")
    named = _one_id(payload, names)
    if named is None:
        return _unreadable(payload, "the number of the campaign is none from 1 to 2**63 - 1")
    if campaign_id is not None and named != campaign_id:
        return _unreadable(payload, f"it is about campaign {named}")
    return Judgement(Tells.DONE, payload)


def _launched(status: int, payload: object, campaign_id: int | None) -> Judgement:
    judgement = _campaign(status, payload, campaign_id)
    if judgement.tells is not Tells.DONE or state_in(payload) in STATES_AFTER_DRAFT:
        return judgement
    return _unreadable(payload, "its status does not show that the campaign was launched")


def _change(status: int, payload: object, campaign_id: int | None) -> Judgement:
    """Return DONE for what confirms a change, which nothing at all does too.

    The guide shows no answer to these functions (Guide: 2.2, 2.3, 2.9), and a JAX-RS method that
    returns nothing answers so when it is done. That holds for a test, too, although it sends:
    who makes one sees on the phone whether it came.
    """
    if payload is None or payload is True or payload in ({}, []):
        return Judgement(Tells.DONE, payload)
    if isinstance(payload, str) and _word(payload) in _DONE:
        return Judgement(Tells.DONE, payload)
    if not isinstance(payload, dict):
        return _unreadable(payload, f"{_kind_of(payload)} that confirms nothing")
    if campaign_id is not None and _names_of(_CAMPAIGN_IDS, payload):
        return _campaign(status, payload, campaign_id)
    told = {folded(name) for name, value in payload.items() if value is not None}
    if _confirms(payload) or _SUBJECTS & told:
        return Judgement(Tells.DONE, payload)
    said = _message_in(payload, payload)
    return _unreadable(payload, f"words that confirm nothing: {said}" if said else _NO_SUBJECT)


_NO_SUBJECT: Final = "nothing in it confirms what was asked, or tells of what it is about"
# What the functions without an answer in the guide are about: campaigns, their numbers to test, and
# entries of the blacklist. The text of a campaign and its state may be a refusal's.
_SUBJECTS: Final = frozenset(
    {
        *(folded(each.name) for each in (*fields(Campaign), *fields(BlacklistEntry))),
        *"item typeitem createddescription phonenumbers phonenumber mobile listincampaign".split(),
    }
    - {"message", "status", "raw", "extra", "type", "description"}
)


def _cancelled(status: int, payload: object, campaign_id: int | None) -> Judgement:
    judgement = _change(status, payload, campaign_id)
    if judgement.tells is not Tells.DONE or not isinstance(payload, dict):
        return judgement
    if state_in(payload) in STATES_AFTER_DRAFT:
        return _unreadable(payload, f"the campaign is {state_in(payload)} in it")
    if any(folded(name) in _CANCELLED and _word(payload[name]) in _NO for name in payload):
        return _unreadable(payload, "it says that the campaign is not cancelled")
    return judgement


_CANCELLED: Final = frozenset({"cancelled", "canceled", "annulee", "annule", "done", "accepted"})


def _confirms(payload: Mapping[str, Any]) -> bool:
    if state_in(payload) in _STATES:
        return True
    names = _telling_names(tuple(payload))
    told = {word: payload[name] for word, name in names.items()}
    return (
        any(_word(told[name]) in _YES for name in _FLAGS & told.keys())
        or any(_is_outcome_of_success(told[name]) for name in _OUTCOMES & told.keys())
        or any(_word(told[name]) in _DONE for name in {"message"} & told.keys())
        or any(
            _word(told[name]) and _is_code_of_success(told[name])
            for name in {"code", "errorcode"} & told.keys()
        )
    )


def _is_outcome_of_success(value: object) -> bool:
    word = _word(value)
    return word in _DONE or (len(word) == len("200") and _is_code_of_success(word))


_OF_MESSAGES: Final = frozenset(
    "message code status path timestamp description detail title type instance".split()
)


def _is_message_alone(payload: Mapping[str, Any]) -> bool:
    """Whether an answer holds words, and nothing of what it is about."""
    if not any(_members(payload, "message")) or state_in(payload) in _STATES:
        return False
    return all(folded(name) in _OF_MESSAGES for name in payload)


def _list(_status: int, payload: object, _campaign_id: int | None) -> Judgement:
    if not isinstance(payload, dict):
        return _unreadable(payload, f"{_kind_of(payload)} instead of a list")
    if any(readable_id(payload[name]) is not None for name in _names_of(_LIST_IDS, payload)):
        return Judgement(Tells.DONE, payload)
    return _unreadable(payload, "the number of the list is missing, or none from 1 to 2**63 - 1")


def _rows(status: int, payload: object, _campaign_id: int | None) -> Judgement:
    if status == _ACCEPTED and not payload:
        return _unreadable(payload, "the rows are not ready")
    if payload is None or isinstance(payload, dict | list):
        return Judgement(Tells.DONE, payload)
    return _unreadable(payload, f"{_kind_of(payload)} instead of rows")


def _anything(_status: int, payload: object, _campaign_id: int | None) -> Judgement:
    return Judgement(Tells.DONE, payload)


def _kind_of(payload: object) -> str:
    """Return what a body is, in words that show nothing of it."""
    if isinstance(payload, str):
        return "a web page" if is_page((), payload.encode(errors="replace")) else "a text"
    return "nothing" if payload is None else f"a JSON {type(payload).__name__}"


_JUDGES: Final[dict[Expected, Callable[[int, object, int | None], Judgement]]] = {
    Expected.DRAFT: _campaign,
    Expected.LAUNCHED: _launched,
    Expected.CHANGE: _change,
    Expected.CANCELLED: _cancelled,
    Expected.LIST: _list,
    Expected.ROWS: _rows,
    Expected.ANYTHING: _anything,
}
