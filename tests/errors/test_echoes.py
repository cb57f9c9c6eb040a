"""What was sent stays out of errors, however the server repeats it."""

from __future__ import annotations

import base64
import html
import json
import pickle
from collections.abc import Callable
from datetime import date
from typing import Any, Final, cast
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediasflow_async import CampaignRequest, Dialect, MediasflowError, Recipient, Session
from mediasflow_async.secrecy import hidden
from tests.support.raw_server import RawRequest, RawServer, http, http_json
from tests.support.sessions import ONCE, session_with

TEXT: Final = 'Bonjour Élodie, "votre" colis n°7/B <est> prêt & payé : 20 € 😀'
NAME: Final = "Dupré-Martin d'Orléans"
PHONE: Final = "+33612345678"
LOGIN: Final = "martin@société.example"
PASSWORD: Final = "p@ss/wörd+&%41 <\"'>"

ENCODINGS: Final[dict[str, Callable[[str], str]]] = {
    "plain": str,
    "upper case": str.upper,
    "url": lambda text: quote(text, safe=""),
    "url, small letters": lambda text: quote(text, safe="").lower(),
    "url, slashes": quote,
    "url, Latin-1": lambda text: quote(text, safe="", encoding="cp1252", errors="replace"),
    "form": quote_plus,
    "JSON": lambda text: json.dumps(text)[1:-1],
    "JSON, UTF-8": lambda text: json.dumps(text, ensure_ascii=False)[1:-1],
    "JSON, slashes": lambda text: json.dumps(text)[1:-1].replace("/", "\\/"),
    "HTML": html.escape,
    "HTML, numbers": lambda text: "".join(
        each if each.isalnum() and each.isascii() else f"&#{ord(each)};" for each in text
    ),
    "HTML, names": lambda text: html.escape(text).replace("é", "&eacute;").replace("ê", "&ecirc;"),
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "base64 of a pair": lambda text: base64.b64encode(f"x:{text}".encode()).decode(),
    "base64 of more": lambda text: base64.b64encode(f"user:{text}:more".encode()).decode(),
    "base64, url": lambda text: base64.urlsafe_b64encode(f"?{text}".encode()).decode().strip("="),
    "form in JSON": lambda text: json.dumps(quote_plus(text)),
    "JSON in HTML": lambda text: html.escape(json.dumps(text)),
    "JSON in JSON": lambda text: json.dumps(json.dumps(text)),
    "url twice": lambda text: quote(quote(text)),
}


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("secret", [TEXT, NAME, LOGIN, PASSWORD, "demo", PHONE])
def test_a_secret_is_hidden_in_every_encoding(secret: str, encoding: str) -> None:
    encoded = ENCODINGS[encoding](secret)
    if encoding == "url, Latin-1" and not secret.isascii():
        pytest.skip("what is no UTF-8 is found in parts of it at most")
    shown = hidden(f"refused: [{encoded}] is not allowed", [secret])
    assert encoded not in shown
    assert shown.startswith("refused: [")
    assert shown.endswith("] is not allowed")


# What HTML cannot escape is left out.
WRITTEN: Final = st.characters(exclude_categories=("Cs", "Cc", "Cn"))


@given(
    st.text(WRITTEN, min_size=4, max_size=60),
    st.sampled_from(sorted(set(ENCODINGS) - {"upper case", "url, Latin-1"})),
    st.text(max_size=20),
)
def test_any_secret_is_hidden(secret: str, encoding: str, around: str) -> None:
    encoded = ENCODINGS[encoding](secret)
    shown = hidden(f"{around} {encoded} {around}", [secret])
    assert encoded not in shown.replace(f"{around} ", "", 1).replace(f" {around}", "", 1)


@given(st.text(alphabet="abcdefgh %&;\\u0123456789+/=", max_size=80))
def test_what_holds_no_secret_stays_as_it_is(text: str) -> None:
    assert hidden(text, ["xyzxyz", "XYZ" * 20]) == text


def test_a_part_of_a_long_text_is_hidden_too() -> None:
    assert hidden(f"le message « {TEXT[:30]}... » est refusé", [TEXT]) == (
        "le message « ***... » est refusé"
    )


def echoing(status: int, encode: Callable[[str], str], *, as_json: bool) -> RawServer:
    """Return a server whose errors repeat what they were sent."""

    def answer(request: RawRequest) -> bytes:
        sent = f"{request.target} {request.body.decode()}"
        parts = [sent, TEXT, NAME, LOGIN, PASSWORD, PHONE]
        message = " | ".join(map(encode, parts))
        if as_json:
            return http_json(status, {"message": message, "code": encode(NAME), "field": message})
        return http(status, message.encode(), headers={"X-Request-Id": quote(NAME)})

    return RawServer(answer)


def check_hidden(error: MediasflowError) -> None:
    copied = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own pickle
    said = f"{error} {error!r} {vars(error)!r} {copied} {vars(copied)!r} {pickle.dumps(error)!r}"
    for secret in (TEXT, NAME, LOGIN, PASSWORD, "612345678"):
        for name, encode in ENCODINGS.items():
            assert encode(secret) not in said, f"{secret!r} is shown, {name}"
            assert repr(encode(secret))[1:-1] not in said, f"{secret!r} is shown, {name}"


CALLS: Final[dict[str, Callable[[Session], Any]]] = {
    "prepare": lambda session: session.campaigns.prepare(
        CampaignRequest(
            msg=TEXT,
            recipients=[Recipient(PHONE, last_name=NAME, fields={"ref": PASSWORD})],
            campaign_name=LOGIN,
        )
    ),
    "send": lambda session: session.campaigns.send(
        CampaignRequest(
            msg=f"{TEXT} {LOGIN} {PASSWORD}",
            recipients=[Recipient(PHONE, last_name=NAME, first_name=LOGIN)],
            defaults={"ref": PASSWORD},
        )
    ),
    "query": lambda session: session.request(
        "GET", "search", params={"q": TEXT, "n": NAME, "l": LOGIN, "p": PASSWORD, "t": PHONE}
    ),
    "form": lambda session: session.request(
        "POST",
        "form",
        kind="READ",
        form={"q": TEXT, "n": NAME, "l": LOGIN, "p": PASSWORD, "t": PHONE},
    ),
}


@pytest.mark.anyio
@pytest.mark.parametrize("encoding", ["plain", "url", "JSON", "HTML", "base64"])
@pytest.mark.parametrize("status", [400, 200, 500])
@pytest.mark.parametrize("call", CALLS)
async def test_an_error_repeats_nothing_that_was_sent(
    call: str, status: int, encoding: str
) -> None:
    for as_json in (True, False):
        with echoing(status, ENCODINGS[encoding], as_json=as_json).running() as server:
            async with session_with(server.url, retry=ONCE) as session:
                try:
                    await CALLS[call](session)
                except MediasflowError as error:
                    check_hidden(error)
                else:
                    assert status == 200


@pytest.mark.anyio
@pytest.mark.parametrize("encoding", ["plain", "url", "form", "JSON", "HTML", "base64"])
async def test_the_error_of_a_login_repeats_neither_login_nor_password(encoding: str) -> None:
    with echoing(401, ENCODINGS[encoding], as_json=False).running() as server:
        who = {"username": LOGIN, "password": PASSWORD, "token": None}
        async with session_with(server.url, retry=ONCE, **who) as session:
            with pytest.raises(MediasflowError) as caught:
                await session.request("GET", "blacklist")
    said = f"{caught.value} {vars(caught.value)!r}"
    for secret in (LOGIN, PASSWORD):
        assert ENCODINGS[encoding](secret) not in said


CHOOSING: Final[dict[str, Callable[[Session], Any]]] = {
    "BOUTIQUE": lambda session: session.campaigns.prepare(
        CampaignRequest(msg=TEXT, recipients=["0612345678"], sender="BOUTIQUE")
    ),
    "MAGASIN": lambda session: session.campaigns.set_sender(943, "MAGASIN"),
    "EPICERIE": lambda session: session.campaigns.test(943, ["0612345678"], sender="EPICERIE"),
    "REFERENCE": lambda session: session.campaigns.prepare(
        CampaignRequest(msg=TEXT, recipients=[Recipient("0612345678", fields={"REFERENCE": NAME})])
    ),
    "MOBILE": lambda session: session.blacklist.add("+33612345678"),
    "2026-03-02 00:00": lambda session: session.reports.period(date(2026, 3, 2), date(2026, 3, 8)),
    "16;21": lambda session: session.reports.period(
        date(2026, 3, 2), date(2026, 3, 8), status=[16, 21]
    ),
}


@pytest.mark.anyio
async def test_what_names_a_choice_is_shown() -> None:
    """An error that says which sender is refused is worth more than one that does not."""
    for place in ("query", "form", "json"):
        dialect = Dialect(put_params=cast("Any", place))
        for shown, call in CHOOSING.items():
            said = f"{shown} is not possible"
            with RawServer([http_json(400, {"message": said})]).running() as server:
                async with session_with(server.url, retry=ONCE, dialect=dialect) as session:
                    with pytest.raises(MediasflowError, match=said):
                        await call(session)
