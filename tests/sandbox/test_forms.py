"""Servers that insist on one of several forms of a request."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import pytest

from mediasflow_async.sandbox import Sandbox, ServerRules
from tests.support.sandboxes import with_rules

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

Json = dict[str, Any]
ENTRY = {"item": "+33612345678", "typeItem": "MOBILE"}
FILE = base64.b64encode(b"file").decode()
LINK = {"index": 0, "type": "REDIRECT", "urlToRedirect": "https://a.example/"}
IMAGE = {**LINK, "imageName": "a.png"}
PAGE = {"index": 0, "type": "LOCAL", "nameToLocalHTML": "a.html"}


@pytest.mark.parametrize(
    ("path", "printed"),
    [
        ("campaigns/reportjson", "campaigns/reportjson/"),
        ("blacklist/", "blacklist"),
        ("campaigns/report/943/", "campaigns/report/943"),
    ],
)
@pytest.mark.parametrize(
    "rule",
    [pytest.param(rule, marks=with_rules(trailing_slashes=rule)) for rule in ("any", "printed")],
)
def test_slashes_as_they_are_printed(
    http: httpx.Client, path: str, printed: str, rule: str
) -> None:
    missing = http.get(path).json()
    assert (missing == http.get(printed).json()) == (rule == "any")
    if rule == "printed":
        assert missing["message"] == "no such path"


@pytest.mark.sandbox(rules=ServerRules(trailing_slashes="always"))
def test_slashes_that_must_be_there(sandbox: Sandbox, http: httpx.Client) -> None:
    assert http.post("users/login").status_code == 404
    form = {"login": sandbox.username, "password": sandbox.password}
    bearer = http.post("users/login/", data=form).headers["Authorization"]
    headers = {"Authorization": bearer}
    assert http.get("blacklist/", headers=headers).status_code == 200
    assert http.get("blacklist", headers=headers).status_code == 404


@with_rules(trailing_slashes="never")
def test_slashes_that_must_not_be_there(http: httpx.Client) -> None:
    assert http.get("blacklist").status_code == 200
    assert http.get("blacklist/").status_code == 404


@pytest.mark.parametrize(
    "status",
    [
        pytest.param(
            status,
            marks=with_rules(json_content_types={"application/json"}, unsupported_type=status),
        )
        for status in (415, 400, 500)
    ],
)
def test_the_status_of_a_body_of_another_type(http: httpx.Client, status: int) -> None:
    response = http.post("blacklist", data=ENTRY)
    assert response.status_code == status
    assert http.post("blacklist", json=ENTRY).status_code == 200


@with_rules(put_content_types={"application/json"})
def test_the_type_of_a_put(inject: Callable[..., Json], http: httpx.Client) -> None:
    path, params = f"campaigns/{inject(startNow=False)['id']}/sender", {"sender": "ACME"}
    assert http.put(path, params=params).status_code == 415
    assert http.put(path, data=params).status_code == 415
    assert http.put(path, json=params).status_code == 200
    json = {"Content-Type": "application/json; charset=UTF-8"}
    assert http.put(path, params=params, headers=json).json()["sender"] == "ACME"


@pytest.mark.parametrize(
    ("shape", "value"),
    [
        pytest.param(shape, value, marks=with_rules(check_duplicate={shape}))
        for shape, value in (("boolean", False), ("text", "false"), ("capitals", "FALSE"))
    ],
)
def test_the_form_of_check_duplicate(
    order: Callable[..., httpx.Response], shape: str, value: object
) -> None:
    assert order(checkDuplicate=value).json()["checkDuplicate"] is False
    for other in {False, "false", "FALSE"} - {value}:
        answer = order(checkDuplicate=other)
        assert (answer.status_code, answer.json()["field"]) == (400, "checkDuplicate"), shape
    assert order().json()["checkDuplicate"] is True


@with_rules(image_places={"link"}, zip_places={"link"})
def test_files_in_the_links(
    sandbox: Sandbox, order: Callable[..., httpx.Response], inject: Callable[..., Json]
) -> None:
    answer = inject(tinyList=[{**IMAGE, "b64ImagePreview": FILE}])
    assert answer["tinyList"] == [IMAGE]
    assert inject(tinyList=[{**PAGE, "b64ZipLocal": FILE}])["tinyList"] == [PAGE]
    for fields, field in (
        ({"tinyList": [IMAGE], "b64ImagePreview": FILE}, "b64ImagePreview"),
        ({"tinyList": [PAGE], "b64ZipLocal": FILE}, "b64ZipLocal"),
        ({"tinyList": [{**PAGE, "b64ZipLocal": "no base64!"}]}, "tinyList[0].b64ZipLocal"),
        ({"tinyList": [{**LINK, "b64ImagePreview": FILE}]}, "tinyList[0].imageName"),
    ):
        refused = order(**fields)
        assert (refused.status_code, refused.json()["field"]) == (400, field)
    assert len(sandbox.campaigns) == 2


def test_files_are_in_the_campaign_by_default(order: Callable[..., httpx.Response]) -> None:
    refused = order(tinyList=[{**IMAGE, "b64ImagePreview": FILE}])
    assert refused.json()["field"] == "tinyList[0].b64ImagePreview"
    for name in ("b64ZipLocal", "b64ZipLoccal"):
        assert order(tinyList=[PAGE], **{name: FILE}).status_code == 200


@with_rules(zip_names={"b64ZipLoccal"})
def test_one_of_two_names_of_the_zip(order: Callable[..., httpx.Response]) -> None:
    assert order(tinyList=[PAGE], b64ZipLocal=FILE).json()["field"] == "b64ZipLocal"
    assert order(tinyList=[PAGE], b64ZipLoccal=FILE).status_code == 200


@pytest.mark.parametrize(
    ("until", "status"),
    [("2022-03-21 10:00", 200), ("2022-03-22 00:00", 400), ("2022-03-22 09:59", 400)],
)
@with_rules(period_limit="days")
def test_a_period_of_days_of_the_calendar(http: httpx.Client, until: str, status: int) -> None:
    answer = http.get("campaigns/reportjson/", params={"from": "2022-03-15 10:00", "to": until})
    assert answer.status_code == status


@pytest.mark.parametrize(
    "rules",
    [
        {"trailing_slashes": "sometimes"},
        {"unsupported_type": 404},
        {"check_duplicate": {"number"}},
        {"image_places": {"body"}},
        {"zip_names": {"zip"}},
        {"period_limit": "weeks"},
    ],
    ids=str,
)
def test_forms_that_no_server_has_are_refused(rules: Any) -> None:
    with pytest.raises((ValueError, TypeError)):
        ServerRules(**rules)
