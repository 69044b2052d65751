"""The endpoint of our own: TLS, users, and what happens where they cannot be had."""

from __future__ import annotations

import base64
import logging
import os
import socket
import ssl
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from wsgiref.handlers import SimpleHandler

import pytest
import trustme
from prometheus_client import REGISTRY, Metric
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

import otel_llm
from otel_llm import instrumentor
from otel_llm.exposition.endpoint import Endpoint, Server
from tests.telemetry import until


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    yield
    otel_llm.uninstrument()


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def files(authority: trustme.CA, tmp_path: Path) -> dict[str, str]:
    issued = authority.issue_cert("127.0.0.1")
    issued.private_key_pem.write_to_path(tmp_path / "key.pem")
    issued.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    return {"scrape_certfile": str(tmp_path / "cert.pem"), "scrape_keyfile": str(tmp_path / "key.pem")}


def endpoint() -> Endpoint | None:
    assert instrumentor._installed is not None
    return instrumentor._installed.exposure.endpoint


def get(url: str, context: ssl.SSLContext | None = None, **headers: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(
            urllib.request.Request(url, headers=headers), timeout=10, context=context
        ) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def trusting(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


def test_tls(files: dict[str, str], authority: trustme.CA) -> None:
    otel_llm.instrument(scrape_port=0, **files)
    served = endpoint()
    assert served is not None
    status, text = get(f"https://127.0.0.1:{served.port}/metrics", trusting(authority))
    assert (status, "otel_llm_build_info" in text) == (200, True)


def test_client_certificate(files: dict[str, str], authority: trustme.CA, tmp_path: Path) -> None:
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    otel_llm.instrument(scrape_port=0, scrape_client_cafile=str(tmp_path / "ca.pem"), **files)
    served = endpoint()
    assert served is not None
    url, context = f"https://127.0.0.1:{served.port}/metrics", trusting(authority)
    with pytest.raises(OSError, match=r"certificate required|reset|EOF|closed|Broken pipe"):
        get(url, context)
    authority.issue_cert("client@example.org").configure_cert(context)
    assert get(url, context)[0] == 200


def basic(user: str) -> str:
    return "Basic " + base64.b64encode(user.encode()).decode()


def test_users(tmp_path: Path) -> None:
    (tmp_path / "users").write_text("prometheus:s3cret:with:colons\n\nother:x\n")
    otel_llm.instrument(scrape_port=0, scrape_users=str(tmp_path / "users"))
    served = endpoint()
    assert served is not None
    url = f"http://127.0.0.1:{served.port}/metrics"
    for refused in ("", "Basic", "Basic %%%", "Bearer x", basic("prometheus:"), basic("prometheus:s3cret"), basic("")):
        assert get(url, Authorization=refused) == (401, "Unauthorized\n")
    assert get(url)[0] == 401
    for user in ("prometheus:s3cret:with:colons", "other:x"):
        status, text = get(url, Authorization=basic(user))
        assert (status, "otel_llm_build_info" in text) == (200, True)


def test_the_first_scrape_shows_our_series(monkeypatch: pytest.MonkeyPatch) -> None:
    """From the moment when the server serves: an empty page would end every series for Prometheus."""
    serve, shown = Server.serve, list[bytes]()

    def serving(server: Server) -> None:
        app = server.get_app()
        assert app is not None
        shown.extend(app({"REQUEST_METHOD": "GET", "PATH_INFO": "/metrics"}, lambda *_: lambda _: None))
        serve(server)

    monkeypatch.setattr(Server, "serve", serving)
    otel_llm.instrument(scrape_port=0)
    until(lambda: shown)
    assert b"otel_llm_build_info" in shown[0]


class Slow(Collector):
    """Holds a scrape up."""

    def __init__(self) -> None:
        self.entered, self.release = threading.Event(), threading.Event()

    def describe(self) -> list[Metric]:
        return []

    def collect(self) -> Iterator[Metric]:
        self.entered.set()
        self.release.wait(30)
        yield GaugeMetricFamily("slow", "The last of a page.", 1)


def test_a_scrape_that_is_under_way_at_the_end_is_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    """And a client that has asked for nothing yet is not waited for."""
    monkeypatch.setattr("otel_llm.exposition.endpoint.LAST_ANSWER", 60.0)
    otel_llm.instrument(scrape_port=0)
    served, slow = endpoint(), Slow()
    assert served is not None
    REGISTRY.register(slow)
    try:
        with ThreadPoolExecutor(2) as pool, socket.create_connection(("127.0.0.1", served.port)):
            asked = pool.submit(get, served.url)
            assert slow.entered.wait(10)
            ending = pool.submit(otel_llm.uninstrument)
            until(lambda: not served._thread.is_alive())
            assert not ending.done()
            slow.release.set()
            status, text = asked.result(10)
            ending.result(10)
    finally:
        REGISTRY.unregister(slow)
    assert (status, "slow 1.0" in text) == (200, True)


def test_an_answer_that_is_cut_short_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut after its first line it would be a good one without a body, and an end of every series."""
    write, entered, release = SimpleHandler._write, threading.Event(), threading.Event()

    def writing(handler: SimpleHandler, data: bytes) -> None:
        write(handler, data)
        entered.set()
        release.wait(30)

    monkeypatch.setattr(SimpleHandler, "_write", writing)
    otel_llm.instrument(scrape_port=0)
    served = endpoint()
    assert served is not None
    with socket.create_connection(("127.0.0.1", served.port), timeout=10) as client:
        client.sendall(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert entered.wait(10)
        client.setblocking(False)
        with pytest.raises(BlockingIOError):
            client.recv(100)
        release.set()
        client.settimeout(10)
        head = client.recv(65536).partition(b"\r\n\r\n")[0]
    assert (head.startswith(b"HTTP/1.0 200"), b"Content-Length: " in head) == (True, True)


def test_a_silent_client_stops_nobody(files: dict[str, str], authority: trustme.CA) -> None:
    otel_llm.instrument(scrape_port=0, **files)
    served = endpoint()
    assert served is not None
    with socket.create_connection(("127.0.0.1", served.port)):  # and no handshake
        assert get(f"https://127.0.0.1:{served.port}/metrics", trusting(authority))[0] == 200


def test_a_client_without_tls_is_no_news(files: dict[str, str], capfd: pytest.CaptureFixture[str]) -> None:
    otel_llm.instrument(scrape_port=0, **files)
    served = endpoint()
    assert served is not None
    with socket.create_connection(("127.0.0.1", served.port), timeout=10) as client:
        client.sendall(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
        while client.recv(1024):
            pass
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"scrape_certfile": "cert.pem"}, "OTEL_LLM_SCRAPE_KEYFILE"),
        ({"scrape_client_cafile": "ca.pem"}, "OTEL_LLM_SCRAPE_CLIENT_CAFILE"),
        ({"scrape_certfile": "/absent/cert.pem", "scrape_keyfile": "/absent/key.pem"}, "/absent/cert.pem"),
        ({"scrape_users": "/absent/users"}, "/absent/users"),
        ({"scrape_users": os.devnull}, "one user:password per line"),
    ],
)
def test_protection_that_cannot_be_had_is_no_endpoint(
    settings: dict[str, str], named: str, caplog: pytest.LogCaptureFixture
) -> None:
    otel_llm.instrument(scrape_port=0, **settings)
    assert endpoint() is None
    assert named in caplog.text


def test_a_port_of_somebody_else_is_one_warning(caplog: pytest.LogCaptureFixture) -> None:
    with socket.create_server(("127.0.0.1", 0)) as foreign, caplog.at_level(logging.WARNING, "otel_llm"):
        otel_llm.instrument(scrape_port=foreign.getsockname()[1])
        assert endpoint() is None
    assert len(caplog.records) == 1
    assert "OTEL_EXPORTER_PROMETHEUS_PORT" in caplog.text
