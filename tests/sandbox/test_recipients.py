"""Who gets a message, and why the others do not."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.sandboxes import with_rules

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

    from mediasflow_async.sandbox import Sandbox

    Json = dict[str, Any]

EMOJI = "\N{SLIGHTLY SMILING FACE}"


def to(*numbers: str) -> list[Json]:
    return [{"mobile": number} for number in numbers]


@pytest.fixture
def statuses(
    inject: Callable[..., Json], report: Callable[..., list[Json]]
) -> Callable[..., list[int]]:
    """Send a campaign and return the status code of each recipient."""

    def send(**fields: Any) -> list[int]:
        return [row["status"] for row in report(inject(**fields)["id"])]

    return send


@pytest.mark.parametrize("name", ["mobile", "sms", "portable", "gsm"])
def test_the_number_has_four_names(
    sandbox: Sandbox, inject: Callable[..., Json], name: str
) -> None:
    inject(listRecipient=[{name: "0612345678"}])
    assert sandbox.messages[0].mobile == "+33612345678"


def test_malformed_numbers_and_landlines_get_nothing(
    sandbox: Sandbox, statuses: Callable[..., list[int]]
) -> None:
    found = statuses(listRecipient=to("06", "abc", "0142345678", "0612345678", "+4915112345678"))
    assert found == [2, 2, 2, 16, 16]
    assert len(sandbox.messages) == 2


def test_duplicates_are_sent_once_unless_asked_otherwise(
    sandbox: Sandbox, statuses: Callable[..., list[int]]
) -> None:
    twice = to("0612345678", "+33 6 12 34 56 78")
    assert statuses(listRecipient=twice) == [16, 4]
    assert statuses(listRecipient=twice, checkDuplicate="TRUE") == [16, 4]
    assert statuses(listRecipient=twice, checkDuplicate="FALSE") == [16, 16]
    assert len(sandbox.messages) == 4


def test_blacklisted_numbers_are_blocked_by_every_blacklist(
    sandbox: Sandbox, inject: Callable[..., Json], statuses: Callable[..., list[int]]
) -> None:
    sandbox.block("0612345601")
    sandbox.block("0612345602", scope="MEDIASFLOW")
    sandbox.block("0612345603", scope="CUSTOMER")
    sandbox.block("0612345604", scope="BRAND", brand="Shoes")
    numbers = to("0612345601", "0612345602", "0612345603", "0612345604")
    assert statuses(listRecipient=numbers) == [14, 15, 18, 16]
    assert statuses(listRecipient=numbers, brand="Shoes") == [14, 15, 18, 14]
    draft = inject(listRecipient=numbers, brand="Shoes", startNow=False)
    counts = [draft[f"countBlackList{name}"] for name in ("", "MEDIASFLOW", "CUSTOMER", "BRAND")]
    assert (counts, draft["countInBlackListRecipient"]) == ([1, 1, 1, 1], 4)


def test_the_voice_blacklist_does_not_stop_sms(
    statuses: Callable[..., list[int]], http: httpx.Client
) -> None:
    http.post("blacklist", json={"item": "0612345678", "typeItem": "VMS"})
    assert statuses() == [16]


@with_rules(countries={"FR"})
def test_other_destinations_can_be_closed(statuses: Callable[..., list[int]]) -> None:
    assert statuses(listRecipient=to("0612345678", "+4915112345678")) == [16, 3]


@pytest.mark.parametrize(
    ("longest", "segments"),
    [
        pytest.param(160, 1, marks=with_rules(max_segments=1)),
        pytest.param(306, 2, marks=with_rules(max_segments=2)),
        pytest.param(918, 6, marks=with_rules(max_segments=6)),
    ],
)
def test_the_account_limits_the_length(
    sandbox: Sandbox, statuses: Callable[..., list[int]], longest: int, segments: int
) -> None:
    assert statuses(msg="x" * longest) == [16]
    assert statuses(msg="x" * (longest + 1)) == [7]
    assert [message.segments for message in sandbox.messages] == [segments]


def test_the_euro_sign_takes_two_places(statuses: Callable[..., list[int]]) -> None:
    assert statuses(msg="€" * 80) == [16]
    assert statuses(msg="€" * 81) == [7]


@pytest.mark.parametrize(("length", "expected"), [(70, 16), (71, 7)])
def test_ucs2_messages_are_shorter(
    statuses: Callable[..., list[int]], length: int, expected: int
) -> None:
    assert statuses(msg="Ж" * length, allowUCS2=True) == [expected]


def test_ucs2_needs_permission(sandbox: Sandbox, statuses: Callable[..., list[int]]) -> None:
    assert statuses(msg=f"Hello {EMOJI}") == [6]
    assert statuses(msg=f"Hello {EMOJI}", allowUCS2=True) == [16]
    assert sandbox.messages[0].encoding == "UCS-2"


def test_characters_are_replaced_by_gsm7_equivalents(
    sandbox: Sandbox, statuses: Callable[..., list[int]]
) -> None:
    assert statuses(msg="ç â ê ë é €") == [16]
    assert sandbox.messages[0].text == "c a e e é €"
    assert statuses(msg="ç â ê ë", autoREPLACETOGSM7=False) == [6]


def test_emoticons_become_emoji(sandbox: Sandbox, statuses: Callable[..., list[int]]) -> None:
    assert statuses(msg="Hello :-)", allowUCS2=True, autoREPLACEEMOJI=True) == [16]
    assert sandbox.messages[0].text == f"Hello {EMOJI}"


def test_a_forbidden_character_in_a_field_stops_one_recipient_alone(
    statuses: Callable[..., list[int]],
) -> None:
    numbers = [
        {"mobile": "0612345601", "firstName": EMOJI},
        {"mobile": "0612345602", "firstName": "Zoé"},
    ]
    assert statuses(msg="Bonjour ${firstName}", listRecipient=numbers) == [6, 16]


def test_fields_come_from_recipients_and_defaults(
    sandbox: Sandbox, inject: Callable[..., Json]
) -> None:
    inject(
        msg="${title} ${FIRSTNAME} ${Ville} ${CP}.",
        defaultForHeader={"title": "Mr/Mme", "Ville": "Paris"},
        listRecipient=[
            {"mobile": "0612345601", "firstName": "Léa", "extendedKeys": [{"CP": "92200"}]},
            {"mobile": "0612345602", "title": "Dr", "extendedKeys": pair("Ville", "Lyon")},
        ],
    )
    texts = [message.text for message in sandbox.messages]
    assert texts == ["Mr/Mme Léa Paris 92200.", "Dr  Lyon ."]


def pair(name: str, value: str) -> list[Json]:
    return [{"keyName": name, "keyValue": value}]


@pytest.mark.parametrize(
    ("renderer", "msg"),
    [
        ("BASIC", "Bonjour ${NOM}"),
        ("MEDIASFLOW", "Bonjour $$[NOM]"),
        ("MEDIASFLOW_B", "Bonjour $$[record]NOM$$"),
        ("HANDLEBARS", "Bonjour {{NOM}}"),
        ("EJS", "Bonjour <%= NOM %>"),
        ("VELOCITY", "Bonjour $NOM"),
    ],
)
def test_every_renderer_fills_fields(
    sandbox: Sandbox, inject: Callable[..., Json], renderer: str, msg: str
) -> None:
    recipient = {"mobile": "0612345678", "extendedKeys": pair("NOM", "Curie")}
    inject(renderer=renderer, msg=msg, listRecipient=[recipient])
    assert sandbox.messages[0].text == "Bonjour Curie"


def test_a_renderer_that_fails_is_a_personalisation_error(
    statuses: Callable[..., list[int]],
) -> None:
    pytest.importorskip("quickjs", reason="the [preview] extra brings the engines")
    numbers = [{"mobile": "0612345601", "extendedKeys": pair("NOM", "x")}, *to("0612345602")]
    msg = "<% if (!NOM) throw new Error(1) %>Bonjour <%= NOM %>"
    assert statuses(renderer="EJS", msg=msg, listRecipient=numbers) == [16, 5]


def test_an_engine_that_is_missing_here_is_said_to_be(
    order: Callable[..., httpx.Response], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "quickjs", None)
    response = order(renderer="EJS", msg="<% if (true) { %>an engine is needed<% } %>")
    assert (response.status_code, response.json()["error"]) == (501, "RENDERER_NOT_INSTALLED")
    assert "mediasflow-async[preview]" in response.json()["message"]


@pytest.mark.sandbox(credit=2)
def test_sending_stops_when_the_credit_is_used_up(
    sandbox: Sandbox, inject: Callable[..., Json], statuses: Callable[..., list[int]]
) -> None:
    numbers = to("0612345601", "0612345602", "0612345603")
    assert inject(listRecipient=numbers, startNow=False)["creditAfterInjection"] == -1.0
    assert statuses(listRecipient=numbers) == [16, 16, 8]
    assert sandbox.credit == 0


@with_rules(max_segments=3)
def test_credit_counts_segments_per_valid_recipient(inject: Callable[..., Json]) -> None:
    numbers = to("0612345601", "0612345602", "0612345602", "06")
    campaign = inject(msg="x" * 400, listRecipient=numbers)
    assert (campaign["creditCount"], campaign["countMaxCreditFound"]) == (6.0, 3)
    assert (campaign["countValid"], campaign["countRecipient"]) == (2, 4)
    assert (campaign["countDuplicate"], campaign["countNotValid"]) == (1, 1)
    assert (campaign["countPosted"], campaign["globalCounter"]) == (2, 4)


def test_counts_of_a_draft_say_why_messages_will_not_leave(inject: Callable[..., Json]) -> None:
    long = {"mobile": "0612345601", "firstName": "x" * 161}
    odd = {"mobile": "0612345602", "firstName": EMOJI}
    draft = inject(msg="${firstName}", listRecipient=[long, odd], startNow=False)
    assert (draft["countMaxCrediteOver"], draft["countNotAllow"]) == (1, 1)
    assert (draft["countValid"], draft["creditCount"]) == (0, 0.0)


def test_short_links_are_put_into_each_message(
    sandbox: Sandbox, inject: Callable[..., Json]
) -> None:
    link = {"index": 0, "type": "REDIRECT", "urlToRedirect": "http://www.myurl.com/"}
    other = {**link, "index": 1, "host": "sms.example"}
    inject(
        msg="${track_1} ${track_2}",
        tinyList=[link, other],
        listRecipient=to("0612345601", "0612345602"),
    )
    first, second = (message.text.split() for message in sandbox.messages)
    assert [text.partition("/")[0] for text in first] == ["1mf.eu", "sms.example"]
    assert len({*first, *second}) == 4


def test_lists_and_inline_recipients_join(
    sandbox: Sandbox, inject: Callable[..., Json], upload: Callable[..., Json]
) -> None:
    one = upload("Nom;SMS\nLéa;0612345601\n")["id"]
    two = upload("gsm,Nom\n0612345602,Zoé\n0612345601,Léa\n")["id"]
    campaign = inject(msg="${Nom}", listsId=[one, two], listRecipient=to("0612345603"))
    assert [message.text for message in sandbox.messages] == ["", "Léa", "Zoé"]
    assert campaign["countDuplicate"] == 1
    assert [item["idlistItems"] for item in campaign["listInCampaign"]["listsItems"]] == [one, two]


@pytest.mark.parametrize(
    "accepted",
    [
        pytest.param((True, False), marks=with_rules(lists_id="array"), id="array"),
        pytest.param((False, True), marks=with_rules(lists_id="scalar"), id="scalar"),
        pytest.param((True, True), marks=with_rules(lists_id="both"), id="both"),
    ],
)
def test_lists_id_is_an_array_or_a_number(
    upload: Callable[..., Json], order: Callable[..., httpx.Response], accepted: tuple[bool, bool]
) -> None:
    list_id = upload("SMS\n0612345601\n")["id"]
    responses = order(listsId=[list_id]), order(listsId=list_id)
    assert tuple(response.is_success for response in responses) == accepted
