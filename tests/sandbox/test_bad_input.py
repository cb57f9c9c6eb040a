"""Requests that are wrong get a clean refusal, and nothing is sent."""

from __future__ import annotations

import base64
import string
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.sandboxes import LINK, with_rules

if TYPE_CHECKING:
    from collections.abc import Callable

    from mediasflow_async.sandbox import Sandbox

    Json = dict[str, Any]

IMAGE = base64.b64encode(b"image").decode()
JSON = {"Content-Type": "application/json"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"msg": None}, "msg"),
        ({"msg": ""}, "msg"),
        ({"msg": ["a"]}, "msg"),
        ({"listRecipient": None}, "listRecipient or listsId"),
        ({"listRecipient": []}, "listRecipient or listsId"),
        ({"listRecipient": "0612345678"}, "listRecipient"),
        ({"listRecipient": ["0612345678"]}, "listRecipient[0]"),
        ({"listRecipient": [{}]}, "listRecipient[0].mobile"),
        ({"listRecipient": [{"mobile": {}}]}, "listRecipient[0].mobile"),
        ({"listRecipient": [{"mobile": "0612345678"}] * 51}, "listRecipient"),
        ({"listRecipient": [{"mobile": "1", "groupID": "x"}]}, "listRecipient[0].groupID"),
        ({"listRecipient": [{"mobile": "1", "extendedKeys": {}}]}, "listRecipient[0].extendedKeys"),
        (
            {"listRecipient": [{"mobile": "1", "extendedKeys": [{"A": ["b"]}]}]},
            "listRecipient[0].extendedKeys[0].A",
        ),
        ({"sender": "ab"}, "sender"),
        ({"sender": "abcdefghijkl"}, "sender"),
        ({"sender": "12345"}, "sender"),
        ({"sender": "My-Shop"}, "sender"),
        ({"sender": "MyShop\n"}, "sender"),
        ({"sender": "Café"}, "sender"),
        ({"typeSelect": "SPAM"}, "typeSelect"),
        ({"renderer": "JINJA"}, "renderer"),
        ({"startNow": "maybe"}, "startNow"),
        ({"startNow": 1}, "startNow"),
        ({"checkDuplicate": "perhaps"}, "checkDuplicate"),
        ({"autoREPLACEEMOJI": True}, "autoREPLACEEMOJI"),
        ({"defaultForHeader": []}, "defaultForHeader"),
        ({"defaultForHeader": {"a": {}}}, "defaultForHeader.a"),
        ({"listsId": "x"}, "listsId"),
        ({"listsId": [1.5]}, "listsId"),
        ({"listsId": [2**63]}, "listsId"),
        ({"campaignId": "x"}, "campaignId"),
        ({"campaignId": True}, "campaignId"),
        ({"tinyList": [{}]}, "tinyList[0].type"),
        ({"tinyList": [{**LINK, "type": "OTHER"}]}, "tinyList[0].type"),
        ({"tinyList": [{**LINK, "index": None}]}, "tinyList[0].index"),
        ({"tinyList": [{**LINK, "index": -1}]}, "tinyList[0].index"),
        ({"tinyList": [LINK, LINK]}, "tinyList"),
        ({"tinyList": [{**LINK, "urlToRedirect": ""}]}, "tinyList[0].urlToRedirect"),
        ({"tinyList": [{**LINK, "type": "LOCAL"}]}, "tinyList[0].nameToLocalHTML"),
        ({"tinyList": [{**LINK, "type": "LOCAL", "nameToLocalHTML": "a.html"}]}, "b64ZipLocal"),
        ({"tinyList": [{**LINK, "label": "x" * 21}]}, "tinyList[0].label"),
        ({"tinyList": [{**LINK, "description": "x" * 41}]}, "tinyList[0].description"),
        ({"tinyList": [LINK, {**LINK, "index": 1, "label": "x"}]}, "tinyList[1].label"),
        ({"tinyList": [{**LINK, "imageName": "a.gif"}]}, "tinyList[0].imageName"),
        ({"tinyList": [{**LINK, "renderer": "JINJA"}]}, "tinyList[0].renderer"),
        ({"tinyList": [{**LINK, "endOfLife": "soon"}]}, "tinyList[0].endOfLife"),
        ({"tinyList": [{**LINK, "endOfLife": 0}]}, "tinyList[0].endOfLife"),
        ({"tinyList": [LINK], "b64ImagePreview": IMAGE}, "tinyList[0].imageName"),
        ({"tinyList": [LINK], "b64ImagePreview": "not base64!"}, "b64ImagePreview"),
    ],
)
def test_a_wrong_campaign_names_its_field(
    sandbox: Sandbox, order: Callable[..., httpx.Response], fields: Json, field: str
) -> None:
    response = order(**fields)
    assert (response.status_code, response.json()["field"]) == (400, field)
    assert [*sandbox.messages, *sandbox.campaigns] == []


@pytest.mark.parametrize(
    "fields",
    [
        {"listRecipient": [{"mobile": f"06123456{number:02d}"} for number in range(50)]},
        {"sender": "abc"},
        {"sender": "1234567890a"},
        {"startNow": "TRUE"},
        {"allowUCS2": "true", "autoREPLACEEMOJI": "TRUE"},
        {"tinyList": [{**LINK, "index": "0", "label": "x" * 20, "description": "y" * 40}]},
        {"tinyList": [{**LINK, "endOfLife": 45}]},
        {"tinyList": [{**LINK, "endOfLife": "2030-01-01"}]},
        {"tinyList": [{**LINK, "imageName": "a.PNG"}], "b64ImagePreview": IMAGE},
        {
            "tinyList": [{**LINK, "type": "LOCAL", "nameToLocalHTML": "a.html"}],
            "b64ZipLocal": IMAGE,
        },
        {"unknownField": {"kept": "out"}},
    ],
    ids=str,
)
def test_the_limits_themselves_are_allowed(inject: Callable[..., Json], fields: Json) -> None:
    assert inject(**fields)["status"] == "INJECTED"


@with_rules(extended_keys={"pairs"}, end_of_life={"days"})
def test_one_of_two_printed_forms_can_be_closed(order: Callable[..., httpx.Response]) -> None:
    keys = [{"mobile": "0612345678", "extendedKeys": [{"A": "b"}]}]
    assert order(listRecipient=keys).json()["field"] == "listRecipient[0].extendedKeys[0]"
    link = {**LINK, "endOfLife": "2030-01-01"}
    assert order(tinyList=[link]).json()["field"] == "tinyList[0].endOfLife"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"text"',
        b"msg=Hello",
        b'{"msg": "caf\xe9"}',
        b'{"msg": "\\ud800"}',
        b'{"msg": NaN}',
        b'{"campaignId": ' + b"9" * 5000 + b"}",
        b"[" * 100_000,
        b'{"a":' * 100_000,
    ],
    ids=lambda body: body[:12].decode("latin-1"),
)
def test_a_body_that_is_no_json_object_is_refused(http: httpx.Client, body: bytes) -> None:
    for path in ("campaigns/inject", "blacklist"):
        response = http.post(path, content=body, headers=JSON)
        assert (response.status_code, response.json()["error"]) == (400, "MALFORMED_JSON")


@pytest.mark.parametrize(
    ("headers", "accepted"), [(JSON, True), (FORM, True), ({"Content-Type": "text/json"}, False)]
)
def test_json_is_read_under_both_types_that_the_guide_names(
    http: httpx.Client, headers: dict[str, str], *, accepted: bool
) -> None:
    body = b'{"item": "0612345678", "typeItem": "MOBILE"}'
    status = http.post("blacklist", content=body, headers=headers).status_code
    assert status == (200 if accepted else 415)


@with_rules(json_content_types={"application/x-www-form-urlencoded"})
def test_a_server_may_insist_on_the_form_type(order: Callable[..., httpx.Response]) -> None:
    response = order()
    assert (response.status_code, response.json()["error"]) == (415, "UNSUPPORTED_MEDIA_TYPE")


@with_rules(max_body_bytes=1000)
def test_a_body_that_is_too_large_is_refused(
    order: Callable[..., httpx.Response], http: httpx.Client
) -> None:
    response = order(msg="x" * 2000)
    assert (response.status_code, response.json()["error"]) == (413, "TOO_LARGE")
    assert http.get("blacklist").status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("GET", "campaigns/inject", "OPTIONS, POST"),
        ("DELETE", "blacklist", "GET, HEAD, OPTIONS, POST"),
        ("POST", "campaigns/report/943", "GET, HEAD, OPTIONS"),
        ("GET", "campaigns/943/sender", "OPTIONS, PUT"),
        ("GET", "users/login", "OPTIONS, POST"),
        ("PUT", "lists/upload", "OPTIONS, POST"),
    ],
)
def test_a_wrong_method_is_told_the_right_one(
    http: httpx.Client, method: str, path: str, allow: str
) -> None:
    response = http.request(method, path)
    assert (response.status_code, response.headers["Allow"]) == (405, allow)
    assert http.options(path).headers["Allow"] == allow


@pytest.mark.parametrize("path", ["", "campaign", "campaigns/943", "campaigns/943/sender/x"])
def test_an_unknown_path_is_not_found(http: httpx.Client, path: str) -> None:
    assert http.get(path).status_code == 404


def test_head_is_get_without_a_body(http: httpx.Client) -> None:
    response = http.head("blacklist")
    assert (response.status_code, response.content) == (200, b"")


@with_rules(error_style="text")
def test_errors_may_be_texts(http: httpx.Client) -> None:
    response = http.get("campaigns/report/7")
    assert (response.status_code, response.text) == (404, "NOT_FOUND: no such campaign")


@with_rules(error_style="html")
def test_errors_may_be_pages(http: httpx.Client) -> None:
    response = http.post("blacklist", headers={"Content-Type": "<b>"})
    assert response.status_code == 415
    assert "<title>415 - UNSUPPORTED_MEDIA_TYPE</title>" in response.text
    assert "<b>" not in response.text


@with_rules(error_style="ok")
def test_errors_may_come_under_200(http: httpx.Client) -> None:
    response = http.get("campaigns/report/7")
    assert (response.status_code, response.json()["error"]) == (200, "NOT_FOUND")


JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)
FIELDS = [
    "campaignId", "userOwnerID", "brand", "campaignName", "listsId", "listRecipient", "msg",
    "sender", "typeSelect", "scheduleOn", "renderer", "defaultForHeader", "startNow", "allowUCS2",
    "autoREPLACEEMOJI", "autoREPLACETOGSM7", "checkDuplicate", "billingCode", "tinyList",
    "b64ImagePreview", "b64ZipLocal", "item", "typeItem", "createdDescription",
]  # fmt: skip


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(fields=st.dictionaries(st.sampled_from(FIELDS), JSON_VALUES, max_size=5))
def test_no_json_makes_the_server_fail(
    order: Callable[..., httpx.Response], http: httpx.Client, fields: Json
) -> None:
    assert order(**fields).status_code < 500
    assert http.post("blacklist", json=fields).status_code < 500


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    path=st.text(string.printable, max_size=30),
    query=st.dictionaries(
        st.sampled_from(["from", "to", "status", "search", "types", "userID", "details"]),
        st.text(max_size=12),
    ),
)
def test_no_url_makes_the_server_fail(http: httpx.Client, path: str, query: dict[str, str]) -> None:
    for prefix in ("campaigns/reportjson/", "campaigns/report/"):
        url = prefix + quote(path, safe="/")
        assert http.get(url, params=query).status_code < 500
        assert http.get(prefix, params={"from": "2030-01-01", **query}).status_code < 500


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=200), header=st.booleans())
def test_no_file_makes_the_server_fail(http: httpx.Client, content: bytes, *, header: bool) -> None:
    file = b"SMS;Nom\n" + content if header else content
    response = http.post("lists/upload", data={"filename": "x"}, files={"file": file})
    assert response.status_code in {200, 400}
