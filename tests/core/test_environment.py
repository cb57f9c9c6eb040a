"""What the environment says of the way to the server: it works, or an error names the variable."""

from __future__ import annotations

import importlib.metadata
import os
import re
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import anyio
import certifi
import httpx
import pytest
from attrs import field, frozen

import mediasflow_async
from mediasflow_async import ConfigurationError, Session
from mediasflow_async._core import options
from mediasflow_async._core.options import proxy_of_environment, tls_of_environment
from tests.support.sessions import ONCE, TOKEN, session_with
from tests.support.tls_peers import NAMES, Proxy, everything_here, proxy, tls_server

PASSWORD: Final = "pr0xy-pa55word"
TUNNEL: Final = "http://proxy.test:{proxy}"
SOCKS: Final = "socks5://proxy.test:{proxy}"
NAME, SUBDOMAIN, ADDRESS, ADDRESS_6 = NAMES


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.lower().endswith("_proxy") or name.startswith(("SSL", "MEDIASFLOW_")):
            monkeypatch.delenv(name)


@frozen
class Machine:
    """What the cases speak of.

    Attributes:
        folder: has `authority.pem`, the certificate that makes the server trusted.
        server: the port of a server with TLS, for every name.
        proxy: a proxy that reaches it.
    """

    folder: Path
    server: int
    proxy: Proxy


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    folder = tmp_path_factory.mktemp("machine")
    with tls_server(folder) as port, proxy() as running:
        _fill(folder)
        yield Machine(folder, port, running)


def _fill(folder: Path) -> None:
    """Write the files that the variables of the cases name."""
    authority = (folder / "authority.pem").read_bytes()
    (folder / "nothing.pem").write_bytes(b"")
    (folder / "words.pem").write_text("no certificate at all")
    (folder / "cut.pem").write_bytes(authority[:200])
    (folder / "key.pem").write_text("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----")
    (folder / "empty").mkdir()
    (folder / "unhashed").mkdir()
    (folder / "unhashed" / "authority.pem").write_bytes(authority)
    (folder / "hashed").mkdir()
    for name in _hashed_names(folder / "authority.pem"):
        (folder / "hashed" / name).write_bytes(authority)


def _hashed_names(certificate: Path) -> Iterator[str]:
    command = ["openssl", "x509", "-noout", "-subject_hash", "-in", str(certificate)]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    yield f"{run.stdout.strip()}.0"


@frozen
class Case:
    """One environment.

    Attributes:
        variables: what is set; ``{proxy}``, ``{server}`` and ``{folder}`` are filled in.
        expected: "direct", "proxy", or the variable that an error names.
        host: the host of the base URL.
    """

    variables: Mapping[str, str]
    expected: str
    host: str = NAME
    says: str = field(default="", kw_only=True)

    def __str__(self) -> str:
        pairs = " ".join(f"{name}={value}" for name, value in self.variables.items())
        shown = pairs.encode("ascii", "replace").decode("ascii") or "nothing"
        return f"{shown} -> {self.host} {self.expected}"


def proxied(expected: str, host: str = NAME, **variables: str) -> Case:
    """Return a case with a proxy that works, and further variables."""
    return Case({"HTTPS_PROXY": TUNNEL} | variables, expected, host)


WAYS: Final = [
    Case({}, "direct"),
    Case({}, "direct", ADDRESS),
    Case({}, "direct", f"[{ADDRESS_6}]"),
    # Where a proxy may stand, and how it may be written.
    Case({"HTTPS_PROXY": TUNNEL}, "proxy"),
    Case({"https_proxy": TUNNEL}, "proxy"),
    Case({"Https_Proxy": TUNNEL}, "proxy"),
    Case({"ALL_PROXY": TUNNEL}, "proxy"),
    Case({"all_proxy": TUNNEL}, "proxy"),
    Case({"HTTPS_PROXY": "proxy.test:{proxy}"}, "proxy"),
    Case({"HTTPS_PROXY": f"{TUNNEL}/"}, "proxy"),
    Case({"HTTPS_PROXY": f" {TUNNEL} "}, "proxy"),
    Case({"HTTPS_PROXY": "HTTP://PROXY.TEST:{proxy}"}, "proxy"),
    Case({"HTTPS_PROXY": f"http://me:{PASSWORD}@proxy.test:{{proxy}}"}, "proxy"),
    Case({"HTTPS_PROXY": "http://127.0.0.1:{proxy}"}, "proxy"),
    Case({"HTTPS_PROXY": TUNNEL}, "proxy", ADDRESS),
    Case({"HTTPS_PROXY": TUNNEL}, "proxy", f"[{ADDRESS_6}]"),
    # Which one counts.
    Case({"HTTPS_PROXY": TUNNEL, "ALL_PROXY": "nonsense://"}, "proxy"),
    Case({"HTTPS_PROXY": TUNNEL, "HTTP_PROXY": "http://proxy.test:99999"}, "proxy"),
    Case({"HTTPS_PROXY": "", "ALL_PROXY": TUNNEL}, "proxy"),
    Case({"HTTPS_PROXY": "http://proxy.test:99999", "https_proxy": TUNNEL}, "proxy"),
    Case({"HTTPS_PROXY": "http://proxy.test:99999", "https_proxy": ""}, "direct"),
    Case({"HTTPS_PROXY": "", "HTTP_PROXY": "", "ALL_PROXY": "", "NO_PROXY": ""}, "direct"),
    Case({"HTTP_PROXY": TUNNEL}, "direct"),
    Case({"HTTP_PROXY": "http://proxy.test:99999"}, "direct"),
    Case({"TRAVIS_APT_PROXY": TUNNEL, "FTP_PROXY": "nonsense://"}, "direct"),
    Case({"NO_PROXY": "::1/128,*,/"}, "direct"),
    # Proxies that are none.
    Case({"HTTPS_PROXY": "http://proxy.test:99999"}, "HTTPS_PROXY"),
    Case({"HTTPS_PROXY": "http://proxy.test:0"}, "HTTPS_PROXY"),
    Case({"https_proxy": "http://proxy.test:port"}, "https_proxy"),
    Case({"ALL_PROXY": "http://proxy.test:"}, "ALL_PROXY"),
    Case({"HTTPS_PROXY": "http://"}, "HTTPS_PROXY"),
    Case({"HTTPS_PROXY": "http:/proxy.test:{proxy}"}, "HTTPS_PROXY"),
    Case({"HTTPS_PROXY": "://proxy.test"}, "HTTPS_PROXY"),
    Case({"HTTPS_PROXY": "a proxy.test"}, "HTTPS_PROXY"),
    Case({"HTTPS_PROXY": f'"{TUNNEL}"'}, "HTTPS_PROXY"),
    Case({"HTTPS_PROXY": "http://[::1"}, "HTTPS_PROXY"),
    Case({"HTTPS_PROXY": "http://proxy\udcff.test"}, "HTTPS_PROXY"),
    Case({"HTTPS_PROXY": "ftp://proxy.test"}, "HTTPS_PROXY"),
    Case({"HTTPS_PROXY": "socks4://proxy.test"}, "HTTPS_PROXY"),
    Case({"ALL_PROXY": SOCKS}, "ALL_PROXY", says="httpx[socks]"),
    Case({"ALL_PROXY": "socks://proxy.test:{proxy}/"}, "ALL_PROXY", says="httpx[socks]"),
    Case({"ALL_PROXY": "socks5h://proxy.test"}, "ALL_PROXY", says="httpx[socks]"),
    Case({"HTTPS_PROXY": f"http://me:{PASSWORD}#1@proxy.test:{{proxy}}"}, "HTTPS_PROXY"),
    Case({"HTTPS_PROXY": f"http://me:12#{PASSWORD}@proxy.test:{{proxy}}"}, "HTTPS_PROXY"),
    Case({"HTTPS_PROXY": f"http://me:12/{PASSWORD}@proxy.test:{{proxy}}"}, "HTTPS_PROXY"),
    Case({"HTTPS_PROXY": f"http://me:12?{PASSWORD}@proxy.test:{{proxy}}"}, "HTTPS_PROXY"),
    Case({"HTTPS_PROXY": f"me:{PASSWORD}@"}, "HTTPS_PROXY"),
    Case({"HTTPS_PROXY": f"me:{PASSWORD}"}, "HTTPS_PROXY"),
    # NO_PROXY, as people and machines write it.
    proxied("direct", NO_PROXY="*"),
    proxied("direct", no_proxy="localhost, *"),
    proxied("direct", NO_PROXY=NAME),
    proxied("direct", NO_PROXY=NAME.upper()),
    proxied("direct", NO_PROXY=f"{NAME}."),
    proxied("direct", NO_PROXY=f"localhost,127.0.0.1,{NAME}"),
    proxied("direct", NO_PROXY=f"localhost 127.0.0.1 {NAME}"),
    proxied("direct", NO_PROXY=f"localhost;{NAME}"),
    proxied("direct", NO_PROXY=f'"localhost,{NAME}"'),
    proxied("direct", NO_PROXY=f".{NAME}"),
    proxied("direct", NO_PROXY=".test"),
    proxied("direct", NO_PROXY=f"*.{NAME}", host=SUBDOMAIN),
    proxied("direct", NO_PROXY=NAME, host=SUBDOMAIN),
    proxied("direct", NO_PROXY="api.*.test", host=SUBDOMAIN),
    proxied("direct", NO_PROXY=f"{NAME}:{{server}}"),
    proxied("direct", NO_PROXY=f"https://{NAME}"),
    proxied("direct", NO_PROXY=f"https://{NAME}:{{server}}/"),
    proxied("proxy", NO_PROXY=f"http://{NAME}"),
    proxied("proxy", NO_PROXY=f"{NAME}:1"),
    proxied("proxy", NO_PROXY="flow.test,medias"),
    proxied("proxy", NO_PROXY=SUBDOMAIN),
    proxied("proxy", NO_PROXY=".,,*:1, :80"),
    proxied("proxy", NO_PROXY="::1,::1/128,localhost,127.0.0.0/8,.svc,.cluster.local,10.96.0.0/12"),
    proxied("proxy", NO_PROXY="10.0.0.0/99,fe80::/x,[::1,::1]:"),
    proxied("direct", NO_PROXY="10.0.0.0/8", host=ADDRESS),
    proxied("direct", NO_PROXY="10.9.9.9/255.0.0.0", host=ADDRESS),
    proxied("direct", NO_PROXY="10.0.0.0/8:{server}", host=ADDRESS),
    proxied("direct", NO_PROXY="10.1.2.3", host=ADDRESS),
    proxied("direct", NO_PROXY="10.1.*", host=ADDRESS),
    proxied("proxy", NO_PROXY="::/0,10.2.0.0/16,10.1.2.3:1", host=ADDRESS),
    proxied("direct", NO_PROXY="2001:db8::/32", host=f"[{ADDRESS_6}]"),
    proxied("direct", NO_PROXY="[2001:db8::1]:{server}", host=f"[{ADDRESS_6}]"),
    proxied("direct", NO_PROXY="[2001:DB8::1]", host=f"[{ADDRESS_6}]"),
    proxied("direct", NO_PROXY="2001:db8:0:0::1", host=f"[{ADDRESS_6}]"),
    proxied("proxy", NO_PROXY="::1/128,0.0.0.0/0", host=f"[{ADDRESS_6}]"),
    Case({"HTTPS_PROXY": "http://proxy.test:99999", "NO_PROXY": NAME}, "direct"),
    # Certificates.
    Case({"SSL_CERT_FILE": "{folder}/missing.pem"}, "SSL_CERT_FILE"),
    Case({"SSL_CERT_FILE": "{folder}"}, "SSL_CERT_FILE"),
    Case({"SSL_CERT_FILE": "{folder}/nothing.pem"}, "SSL_CERT_FILE"),
    Case({"SSL_CERT_FILE": "{folder}/words.pem"}, "SSL_CERT_FILE"),
    Case({"SSL_CERT_FILE": "{folder}/cut.pem"}, "SSL_CERT_FILE"),
    Case({"SSL_CERT_FILE": "{folder}/key.pem"}, "SSL_CERT_FILE"),
    Case({"SSL_CERT_FILE": "/dev/null"}, "SSL_CERT_FILE"),
    Case({"SSL_CERT_FILE": "{folder}/\udcff.pem"}, "SSL_CERT_FILE"),
    Case({"SSL_CERT_FILE": "", "SSL_CERT_DIR": "{folder}/hashed"}, "direct"),
    Case({"SSL_CERT_FILE": "", "SSL_CERT_DIR": "{folder}/missing:{folder}/hashed"}, "direct"),
    Case({"SSL_CERT_FILE": "", "SSL_CERT_DIR": "{folder}/missing"}, "SSL_CERT_DIR"),
    Case({"SSL_CERT_FILE": "", "SSL_CERT_DIR": "{folder}/authority.pem"}, "SSL_CERT_DIR"),
    Case({"SSL_CERT_FILE": "", "SSL_CERT_DIR": "{folder}/empty"}, "SSL_CERT_DIR"),
    Case({"SSL_CERT_FILE": "", "SSL_CERT_DIR": "{folder}/unhashed"}, "SSL_CERT_DIR"),
    Case({"SSL_CERT_DIR": "{folder}/missing"}, "direct"),
    Case({"SSLKEYLOGFILE": "{folder}/keys.log"}, "direct"),
    Case({"SSLKEYLOGFILE": "{folder}/missing/keys.log"}, "SSLKEYLOGFILE"),
    Case({"SSL_CERT_FILE": "{folder}/missing.pem", "HTTPS_PROXY": TUNNEL}, "SSL_CERT_FILE"),
]


@pytest.mark.anyio
@pytest.mark.parametrize("case", WAYS, ids=str)
async def test_an_environment_works_or_an_error_names_the_variable(
    case: Case, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_variables(case.variables, machine, monkeypatch)
    machine.proxy.tunnels.clear()
    url = f"https://{case.host}:{machine.server}/"
    if case.expected in {"direct", "proxy"}:
        async with Session(token=TOKEN, base_url=url, retry=ONCE) as session:
            assert (await session.request("GET", "blacklist")).data == []
        assert len(machine.proxy.tunnels) == (case.expected == "proxy")
        return
    with pytest.raises(ConfigurationError) as caught:
        async with Session(token=TOKEN, base_url=url, retry=ONCE) as session:
            await session.request("GET", "blacklist")
    said = f"{caught.value} {caught.value!r}"
    assert case.expected in str(caught.value)
    assert case.says in said
    assert not machine.proxy.tunnels
    assert not [part for part in (PASSWORD, "proxy.test", str(machine.folder)) if part in said]


def set_variables(
    variables: Mapping[str, str], machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Set the variables of a case."""
    monkeypatch.setattr(socket, "getaddrinfo", everything_here(socket.getaddrinfo))
    monkeypatch.setenv("SSL_CERT_FILE", str(machine.folder / "authority.pem"))
    places = {"proxy": machine.proxy.port, "server": machine.server, "folder": machine.folder}
    for name, value in variables.items():
        monkeypatch.setenv(name, value.format(**places))


@pytest.mark.anyio
async def test_a_proxy_is_told_its_password(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_variables({"ALL_PROXY": "http://me:p%40ss@proxy.test:{proxy}"}, machine, monkeypatch)
    machine.proxy.logins.clear()
    url = f"https://{NAME}:{machine.server}/"
    async with Session(token=TOKEN, base_url=url, retry=ONCE) as session:
        await session.request("GET", "blacklist")
        await session.request("GET", "send", kind="ONE_SHOT")
    assert machine.proxy.logins == ["Basic bWU6cEBzcw=="] * 2


@pytest.mark.anyio
async def test_the_environment_is_read_once(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_variables({}, machine, monkeypatch)
    url = f"https://{NAME}:{machine.server}/"
    async with Session(token=TOKEN, base_url=url, retry=ONCE) as session:
        monkeypatch.setenv("HTTPS_PROXY", "http://proxy.test:99999")
        monkeypatch.setenv("SSL_CERT_FILE", "/missing")
        async with anyio.create_task_group() as tasks:
            for _ in range(20):
                tasks.start_soon(session.request, "GET", "blacklist")


def test_a_session_reads_the_environment_once_for_all_its_event_loops(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_variables({"HTTPS_PROXY": TUNNEL}, machine, monkeypatch)
    session = Session(token=TOKEN, base_url=f"https://{NAME}:{machine.server}/", retry=ONCE)

    async def ask() -> object:
        return (await session.request("GET", "close")).data

    machine.proxy.tunnels.clear()
    assert anyio.run(ask) == []
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.test:99999")
    assert anyio.run(ask, backend="trio") == []
    anyio.run(session.aclose)
    assert len(machine.proxy.tunnels) == 2


@pytest.mark.anyio
@pytest.mark.parametrize("given", ["transport", "client"])
async def test_what_is_given_needs_no_environment(
    given: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = httpx.MockTransport(lambda _: httpx.Response(200, json=[]))
    mine = {"transport": answers, "client": httpx.AsyncClient(transport=answers)}
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.test:99999")
    monkeypatch.setenv("SSL_CERT_FILE", "/missing")
    async with session_with(
        f"https://{NAME}/", ssl_context=None, **{given: mine[given]}
    ) as session:
        assert (await session.request("GET", "blacklist")).data == []


def test_a_proxy_by_https_is_checked_against_the_certificates_of_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "https://proxy.test")
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    found = proxy_of_environment(httpx.URL(f"https://{NAME}/"), tls)
    assert found is not None
    assert found.ssl_context is tls


@pytest.mark.parametrize("scheme", ["socks5", "socks5h", "socks"])
def test_a_proxy_for_socks_with_the_package_for_it(
    scheme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(options, "find_spec", lambda _: object())
    monkeypatch.setenv("ALL_PROXY", f"{scheme}://127.0.0.1:1080/")
    found = proxy_of_environment(httpx.URL(f"https://{NAME}/"), None)
    assert found is not None
    assert found.url.scheme == (scheme if "5" in scheme else "socks5h")
    assert found.url.port == 1080


def test_settings_of_the_system_count_where_no_variable_is_set(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    url = httpx.URL(f"https://{NAME}/")
    monkeypatch.setattr(options, "getproxies", lambda: {"https": "http://proxy.test:99999"})
    monkeypatch.setattr(options, "proxy_bypass", lambda _: 0)
    with pytest.raises(ConfigurationError, match="the settings of the system"):
        proxy_of_environment(url, None)
    monkeypatch.setattr(options, "proxy_bypass", lambda _: 1)
    assert proxy_of_environment(url, None) is None


def test_certificates_that_a_frozen_application_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(certifi, "where", lambda: "/missing/cacert.pem")
    with pytest.raises(ConfigurationError, match=r"certifi.*SSL_CERT_FILE") as caught:
        tls_of_environment()
    assert "/missing" not in str(caught.value)


def test_the_version_of_a_frozen_application(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> str:
        raise importlib.metadata.PackageNotFoundError(name)

    assert mediasflow_async.__version__ == importlib.metadata.version("mediasflow-async")
    monkeypatch.delitem(vars(mediasflow_async), "__version__", raising=False)
    monkeypatch.setattr(importlib.metadata, "version", missing)
    assert mediasflow_async.__version__ == "0+unknown"


@pytest.mark.parametrize("port", [0, 65536, 65536 + 443, 10**12])
@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]", NAME])
def test_a_port_that_does_not_exist_is_refused(port: int, host: str) -> None:
    with pytest.raises(ConfigurationError, match="base_url has a port that does not exist"):
        session_with(f"https://{host}:{port}/")


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("MEDIASFLOW_BASE_URL", f"https://{NAME}:65979/"),
        ("MEDIASFLOW_BASE_URL", f"https://me:{PASSWORD}@{NAME}/"),
        ("MEDIASFLOW_BASE_URL", f"http://{NAME}/"),
        ("MEDIASFLOW_BASE_URL", "mediasflow"),
        ("MEDIASFLOW_BASE_URL", "https://\udcff/"),
        ("MEDIASFLOW_TIMEOUT", PASSWORD),
        ("MEDIASFLOW_DEADLINE", "-1"),
        ("MEDIASFLOW_RATE", "inf"),
        ("MEDIASFLOW_MAX_IN_FLIGHT", "1.5"),
        ("MEDIASFLOW_MAX_IN_FLIGHT", "none"),
        ("MEDIASFLOW_MAX_IN_FLIGHT", "0"),
        ("MEDIASFLOW_TOKEN", f"Bearer {PASSWORD} {PASSWORD}"),
        ("MEDIASFLOW_USERNAME", "me"),
        ("MEDIASFLOW_PASSWORD", PASSWORD),
    ],
)
def test_a_variable_of_ours_is_named_without_its_value(
    variable: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if variable not in {"MEDIASFLOW_USERNAME", "MEDIASFLOW_PASSWORD"}:
        monkeypatch.setenv("MEDIASFLOW_TOKEN", TOKEN)
    monkeypatch.setenv(variable, value)
    with pytest.raises(ConfigurationError, match=variable) as caught:
        Session.from_env()
    assert PASSWORD not in f"{caught.value} {caught.value!r}"


WITHOUT_ZONES: Final = """
import sys
sys.modules["tzdata"] = None
from mediasflow_async import ConfigurationError, Session
try:
    Session(token="opaque-token")
except ConfigurationError as error:
    print(error)
"""


def test_a_machine_without_time_zones() -> None:
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", WITHOUT_ZONES],
        env={**os.environ, "PYTHONTZPATH": ""},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "there is no time zone 'Europe/Paris'" in run.stdout
    assert "PYTHONTZPATH" in run.stdout
    assert not run.stderr


PROGRAM: Final = """
import asyncio, sys
from mediasflow_async import Session

async def main():
    async with Session.from_env() as session:
        answer = await session.request("GET", "blacklist")
    print(answer.data)

asyncio.run(main())
"""


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"HTTPS_PROXY": "http://proxy.test:99999"}, "[]"),
        ({"SSL_CERT_FILE": "{folder}/missing.pem"}, "SSL_CERT_FILE"),
        ({"MEDIASFLOW_BASE_URL": "https://127.0.0.1:99999/"}, "MEDIASFLOW_BASE_URL"),
        ({"LC_ALL": "C", "PYTHONUTF8": "0", "HOME": "/missing"}, "[]"),
    ],
    ids=str,
)
def test_a_program_in_development_mode_with_warnings_as_errors(
    variables: Mapping[str, str], expected: str, machine: Machine
) -> None:
    """It ends with the answer, or with one error of ours and no other."""
    given = {
        "MEDIASFLOW_BASE_URL": f"https://127.0.0.1:{machine.server}/",
        "MEDIASFLOW_TOKEN": TOKEN,
        "SSL_CERT_FILE": "{folder}/authority.pem",
        "PATH": os.environ["PATH"],
        **variables,
    }
    run = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error", "-c", PROGRAM],
        env={name: value.format(folder=machine.folder) for name, value in given.items()},
        capture_output=True,
        text=True,
        check=False,
    )
    if expected == "[]":
        # asyncio may still tell what was slow.
        assert run.stdout == "[]\n"
        assert not re.search(r"Warning|Error", run.stderr)
        return
    *_, last = run.stderr.strip().splitlines()
    assert last.startswith("mediasflow_async.errors.ConfigurationError: ")
    assert expected in last
    assert "During handling" not in run.stderr
