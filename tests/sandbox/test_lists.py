"""Uploaded lists of recipients."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.sandboxes import with_rules

Json = dict[str, Any]

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

    from mediasflow_async.sandbox import Sandbox

# A file that gives the very numbers of the guide's example. Guide: 2.11.1.
GUIDE_FILE = """\
Civilité;Prénom;Nom;Adresse;CP;Ville;Prix;SMS
M.;Nicolas;Roy;8 rue des Lilas;75017;Paris;;0033612345601
M.;Pierre;Gaillard;3 rue du Bois;75017;Bagneux;5 €;tel:0624170068
M.;Philippe;Martin;12 Avenue des Antiquaires;75017;Clichy;17 €;624170069
Mme;Jacqueline;Bernard;31 rue de la Tannerie;75017;Paris;8 €;33624170070
;Isabelle;Thomas;5 place d'Armes;75017;Paris;6 €;06 24 17 00 71
M.;Michel;Laurent;14 rue de la Gare;75017;Paris;9€;+33624170072
M.;Thomas;Durand;16 avenue de la Marine;75017;Sèvres;12 €;624170073
M.;Frédéric;Petit;27 rue de l'Abbé Roy;75017;Paris;15 €;624170074
Mme;Camille;Robert;118 allée des Platanes;75017;Meudon;7 €;06.24.17.00.75
Mme;Sophie;Moreau;9 boulevard Voltaire;75017;Boulogne-Billancourt;20 €;
Mme;Claire;Girard;2 impasse des Pins;75017;Paris;25 €;624170068
"""
GUIDE_LIST: Json = {
    "campainId": 0,
    "charsetDetected": "WINDOWS-1252",
    "computedHeaderSize": {
        "Prénom": {"6": 5, "7": 2, "8": 3, "10": 1},
        "Adresse": {
            "13": 1, "15": 2, "17": 1, "18": 1, "20": 2, "21": 1, "22": 2, "25": 1,
        },
        "Prix": {"0": 1, "2": 1, "3": 4, "4": 5},
        "Civilité": {"0": 1, "2": 6, "3": 4},
        "SMS": {"0": 1, "9": 4, "11": 1, "12": 1, "13": 1, "14": 3},
        "Nom": {"3": 1, "5": 1, "6": 6, "7": 2, "8": 1},
        "CP": {"5": 11},
        "Ville": {"5": 6, "6": 3, "7": 1, "20": 1},
    },
    "countDuplicateEmail": 0,
    "countDuplicateMobile": 1,
    "description": "liste_demo",
    "emptyKeys": ["Prix", "Civilité"],
    "globalInvalidLine": 0,
    "header": ["Civilité", "Prénom", "Nom", "Adresse", "CP", "Ville", "Prix", "SMS"],
    "id": 392,
    "invalidCountryCounter": {},
    "invalidLineList": [10],
    "invalidNumberEMAIL": 0,
    "invalidNumberMOBILE": 1,
    "lineDuplicateEmail": [],
    "lineDuplicateMobile": ["11"],
    "listName": "liste_demo",
    "maxDatasMap": {
        "Prénom": "Jacqueline",
        "Adresse": "12 Avenue des Antiquaires",
        "Prix": "17 €",
        "Civilité": "Mme",
        "SMS": "tel:0624170068",
        "Nom": "Gaillard",
        "CP": "75017",
        "Ville": "Boulogne-Billancourt",
    },
    "maxSizeDataLine": 66,
    "size": 11,
    "type": "CSV",
    "validCountryCounter": {"FR": 10},
    "validNumberEMAIL": 0,
    "validNumberMOBILE": 10,
}  # fmt: skip


def test_the_guides_example_is_answered_as_the_guide_prints_it(
    upload: Callable[..., Json],
) -> None:
    found = upload(GUIDE_FILE.encode("cp1252"), filename="liste_demo")
    date, path = found.pop("creationDate"), found.pop("filePath")
    customer, owner = found.pop("customerID"), found.pop("userOwnerID")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\[UTC\]", date)
    assert path.startswith(f"/mnt/mediasflow/shared/{customer}/{owner}/lists//")
    assert found == GUIDE_LIST
    assert list(found["computedHeaderSize"]) == list(GUIDE_LIST["computedHeaderSize"])


@pytest.mark.parametrize(
    ("encoding", "charset"),
    [
        ("utf-8", "UTF-8"),
        ("utf-8-sig", "UTF-8"),
        ("cp1252", "WINDOWS-1252"),
        ("utf-16", "UTF-16LE"),
    ],
)
def test_the_charset_is_detected(
    sandbox: Sandbox,
    upload: Callable[..., Json],
    inject: Callable[..., Json],
    encoding: str,
    charset: str,
) -> None:
    found = upload("Prénom;SMS\nZoé;0612345678\n".encode(encoding))
    assert (found["charsetDetected"], found["header"]) == (charset, ["Prénom", "SMS"])
    inject(msg="${Prénom}", listsId=[found["id"]], listRecipient=None)
    assert sandbox.messages[0].text == "Zoé"


@pytest.mark.parametrize("delimiter", [";", ",", "\t", "|"])
def test_the_delimiter_is_detected(upload: Callable[..., Json], delimiter: str) -> None:
    lines = ["Nom MOBILE Note", "Léa 0612345678 a;b,c|d", 'Zoé 0612345679 "x"']
    lines[1] = lines[1].replace(delimiter, "-") if delimiter != "\t" else lines[1]
    found = upload("\r\n".join(line.replace(" ", delimiter) for line in lines))
    assert found["header"] == ["Nom", "MOBILE", "Note"]
    assert (found["size"], found["validNumberMOBILE"]) == (2, 2)


def test_quoted_cells_may_hold_delimiters_and_line_ends(upload: Callable[..., Json]) -> None:
    found = upload('SMS;Note\n0612345678;"a;b\nc ""d"""\n')
    assert (found["size"], found["maxDatasMap"]["Note"]) == (1, 'a;b\nc "d"')


def test_lines_of_another_width_are_counted(upload: Callable[..., Json]) -> None:
    found = upload("SMS;Nom\n0612345601\n0612345602;Léa;more\n\n0612345603;Zoé\n")
    assert (found["size"], found["globalInvalidLine"]) == (3, 2)


def test_email_columns_are_counted(upload: Callable[..., Json]) -> None:
    lines = ["SMS;Email", "0612345601;a@b.fr", "0612345602;A@b.fr", "0612345603;nobody"]
    found = upload("\n".join(lines))
    assert (found["validNumberEMAIL"], found["invalidNumberEMAIL"]) == (2, 1)
    assert (found["countDuplicateEmail"], found["lineDuplicateEmail"]) == (1, ["2"])


@with_rules(countries={"FR", "BE"})
def test_countries_are_counted(upload: Callable[..., Json]) -> None:
    found = upload("SMS\n0612345601\n+32470123456\n+4915112345678\n+1 212 555 0100\n")
    assert found["validCountryCounter"] == {"BE": 1, "FR": 1}
    assert found["invalidCountryCounter"] == {"DE": 1, "US": 1}


@pytest.mark.parametrize(
    ("content", "error"),
    [("", "NO_MOBILE_COLUMN"), ("Nom;Téléphone\nLéa;0612345678\n", "NO_MOBILE_COLUMN")],
)
def test_a_file_without_a_mobile_column_is_refused(
    http: httpx.Client, content: str, error: str
) -> None:
    response = http.post("lists/upload", data={"filename": "x"}, files={"file": content.encode()})
    assert (response.status_code, response.json()["error"]) == (400, error)


def test_a_header_alone_is_an_empty_list(
    upload: Callable[..., Json], inject: Callable[..., Json], http: httpx.Client
) -> None:
    found = upload("Nom;SMS\n")
    assert (found["size"], found["computedHeaderSize"]) == (0, {"Nom": {}, "SMS": {}})
    campaign = inject(listsId=[found["id"]], listRecipient=None, startNow=False)
    assert campaign["countRecipient"] == 0
    path = f"campaigns/{campaign['id']}/test"
    assert http.put(path, params={"phoneNumbers": "0612345678"}).status_code == 200


def test_a_cell_without_an_end_is_refused(http: httpx.Client) -> None:
    content = b'SMS;Note\n0612345678;"' + b"x" * 200_000
    response = http.post("lists/upload", data={"filename": "x"}, files={"file": content})
    assert (response.status_code, response.json()["field"]) == (400, "file")


@pytest.mark.parametrize("name", ["file", "File"])
def test_the_part_of_the_file_has_two_names(http: httpx.Client, name: str) -> None:
    response = http.post("lists/upload", data={"filename": "x"}, files={name: b"SMS\n0612345678\n"})
    assert response.json()["size"] == 1


@with_rules(upload_fields={"File"}, upload_params={"query"})
def test_names_and_places_of_the_parts_are_a_choice(http: httpx.Client) -> None:
    content = b"SMS\n0612345678\n"
    params = {"filename": "x", "description": "shown"}
    accepted = http.post("lists/upload", params=params, files={"File": content})
    assert (accepted.json()["listName"], accepted.json()["description"]) == ("x", "shown")
    assert http.post("lists/upload", params=params, files={"file": content}).status_code == 400
    in_form = http.post("lists/upload", data=params, files={"File": content})
    assert (in_form.status_code, in_form.json()["field"]) == (400, "filename")


def test_the_name_of_the_list_is_mandatory(http: httpx.Client) -> None:
    response = http.post("lists/upload", files={"file": b"SMS\n0612345678\n"})
    assert (response.status_code, response.json()["field"]) == (400, "filename")


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        ({"data": {"filename": "x"}}, 415),
        ({"content": b"SMS\n", "headers": {"Content-Type": "text/csv"}}, 415),
        ({"content": b"--x", "headers": {"Content-Type": "multipart/form-data"}}, 400),
        ({"content": b"junk", "headers": {"Content-Type": "multipart/form-data; boundary=x"}}, 400),
        ({"data": {"filename": "x"}, "files": {"other": b"SMS\n"}}, 400),
    ],
)
def test_other_bodies_are_refused(http: httpx.Client, arguments: Any, status: int) -> None:
    assert http.post("lists/upload", **arguments).status_code == status


@with_rules(max_upload_bytes=1000)
def test_a_file_that_is_too_large_is_refused(http: httpx.Client) -> None:
    content = b"SMS\n" + b"0612345678\n" * 1000
    response = http.post("lists/upload", data={"filename": "x"}, files={"file": content})
    assert (response.status_code, response.json()["error"]) == (413, "TOO_LARGE")


def test_an_unknown_list_is_not_found(order: Callable[..., httpx.Response]) -> None:
    response = order(listsId=[7])
    assert (response.status_code, response.json()["field"]) == (404, "listsId")


def test_a_large_list_is_counted_and_sent(
    sandbox: Sandbox, upload: Callable[..., Json], inject: Callable[..., Json]
) -> None:
    lines = (f"Client {number};6{number + 10_000_000:08d}" for number in range(20_000))
    found = upload("Nom;SMS\n" + "\n".join(lines))
    assert (found["size"], found["validNumberMOBILE"]) == (20_000, 20_000)
    assert inject(listsId=[found["id"]], listRecipient=None)["countPosted"] == 20_000
    assert sandbox.messages[-1].ref_list == "clients"
