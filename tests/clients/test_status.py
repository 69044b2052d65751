"""``otel_llm.status()`` and ``otel-llm doctor``: what they tell, and when the doctor fails."""

from __future__ import annotations

import socket
from importlib import metadata

import openai
import pytest
from typer.testing import CliRunner, Result

import otel_llm
from otel_llm import guard, opening
from otel_llm.cli.app import app
from otel_llm.demo.emulator import Emulator
from otel_llm.status import ClientStatus, Status
from tests.behaviour.row import CHAT
from tests.telemetry import Telemetry, observed


@pytest.fixture(autouse=True)
def no_error_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    """What tests before these have provoked is not of them."""
    monkeypatch.setattr(guard, "_last_of", {})


def client(found: Status, package: str) -> ClientStatus:
    return next(row for row in found.clients if row.package == package)


def test_not_instrumented() -> None:
    found = otel_llm.status()
    assert not found.instrumented
    assert found.endpoint is None
    assert found.spans.startswith("nowhere")
    assert not any(row.patched for row in found.clients)


def test_instrumented(emulator: Emulator, telemetry: Telemetry) -> None:
    before = opening.SEEN["openai"]
    with openai.OpenAI(base_url=emulator.url + "/v1", api_key="k") as sdk:
        sdk.chat.completions.create(**CHAT)
    found = otel_llm.status()
    row = client(found, "openai")
    assert (row.version, row.imported, row.patched) == (metadata.version("openai"), True, True)
    assert row.calls == before + 1
    assert found.spans == "the TracerProvider that instrument() was given"
    assert client(found, "fireworks-ai") == ClientStatus(
        package="fireworks-ai", version=None, imported=False, patched=False, calls=0, problem=None, last_error=None
    )
    assert next(row for row in found.libraries if row.package == "httpx2").patched


def test_endpoint() -> None:
    with observed(endpoint=True):
        found = otel_llm.status()
        assert found.endpoint is not None
        assert found.endpoint.startswith("http://127.0.0.1:")


def test_kill_switch(telemetry: Telemetry) -> None:
    otel_llm.disable()
    try:
        assert (otel_llm.status().instrumented, otel_llm.status().enabled) == (True, False)
    finally:
        otel_llm.enable()


def test_internal_errors_name_the_place_and_no_words(caplog: pytest.LogCaptureFixture) -> None:
    guard.site("test.status").note(ValueError("my prompt"))
    found = otel_llm.status()
    assert found.internal_errors["test.status"] >= 1
    assert found.last_error == "test.status: builtins.ValueError"


def test_last_internal_error_of_a_client(monkeypatch: pytest.MonkeyPatch, emulator: Emulator) -> None:
    """Shown beside the client whose call it was, by the doctor, too, and beside no other."""
    with observed() as telemetry, openai.OpenAI(base_url=emulator.url + "/v1", api_key="k") as sdk:
        monkeypatch.setattr(opening, "open_call", lambda *_, **__: 1 / 0)
        sdk.chat.completions.create(**CHAT)
        found = otel_llm.status()
        assert client(found, "openai").last_error == "client.open: builtins.ZeroDivisionError"
        assert client(found, "anthropic").last_error is None
        telemetry.forgive()
    assert "client.open: builtins.ZeroDivisionError" in doctor(monkeypatch).output


def test_version_that_cannot_be_patched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(openai._base_client.AsyncAPIClient, "request")
    with observed() as telemetry:
        row = client(otel_llm.status(), "openai")
        assert not row.patched
        assert row.problem is not None
        assert f"openai {metadata.version('openai')}" in row.problem
        assert "README" in row.problem
        assert [record.getMessage() for record in telemetry.logged] == [f"otel-llm: {row.problem}"]
        telemetry.logged.clear()


def doctor(monkeypatch: pytest.MonkeyPatch, **environment: str) -> Result:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        free = str(probe.getsockname()[1])
    for name, value in {"OTEL_LLM_SCRAPE_PORT": free, "COLUMNS": "300", **environment}.items():
        monkeypatch.setenv(name, value)
    return CliRunner().invoke(app, ["doctor"])


def test_doctor_finds_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    result = doctor(monkeypatch, OTEL_LLM_MODEL_CAP="7")
    assert result.exit_code == 0, result.output
    assert "No problem found." in result.output
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in result.output.splitlines()]
    assert ["model_cap", "7", "OTEL_LLM_MODEL_CAP"] in rows
    assert ["openai", "yes", metadata.version("openai"), "yes", str(opening.SEEN["openai"]), ""] in rows
    assert ["fireworks-ai", "no", "", "", "0", ""] in rows
    assert not otel_llm.status().instrumented


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("OTEL_LLM_SEMCONV", "newest", "allowed is released or main"),
        ("OTEL_SDK_DISABLED", "true", "nothing is observed"),
        ("OTEL_LLM_PRICES", "/no/such/file.yaml", "OTEL_LLM_PRICES"),
    ],
)
def test_doctor_finds_settings(variable: str, value: str, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    result = doctor(monkeypatch, **{variable: value})
    assert result.exit_code == 1
    assert any(line.startswith("problem: ") and words in line for line in result.output.splitlines()), result.output


def test_doctor_finds_a_taken_port(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        result = doctor(monkeypatch, OTEL_LLM_SCRAPE_PORT=str(taken.getsockname()[1]))
    assert result.exit_code == 1
    assert "OTEL_EXPORTER_PROMETHEUS_PORT" in result.output


def test_doctor_finds_an_sdk_that_cannot_be_patched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(openai._base_client.AsyncAPIClient, "request")
    result = doctor(monkeypatch)
    assert result.exit_code == 1
    assert f"problem: openai {metadata.version('openai')}" in result.output
