"""Settings: keyword, then ``OTEL_LLM_*``, then ``OTEL_*``; a bad value says which, where and what is allowed."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import pytest

import otel_llm
from otel_llm.demo.emulator import Emulator
from otel_llm.settings import SPECS, Settings, load
from tests.join.processes import run
from tests.join.receiver import Receiver
from tests.telemetry import observed


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as listening:
        yield listening


def test_order() -> None:
    environ = {"OTEL_EXPORTER_PROMETHEUS_PORT": "1111"}
    assert load({}, environ).settings.scrape_port == 1111
    environ["OTEL_LLM_SCRAPE_PORT"] = "2222"
    assert load({}, environ).settings.scrape_port == 2222
    assert load({"scrape_port": 3333}, environ).settings.scrape_port == 3333
    assert load({}, {}).settings == Settings()


@pytest.mark.parametrize(("text", "seconds"), [("", 5), ("0", 0), ("1.5", 1.5), ("20", 20), ("10000", 30)])
def test_the_exit_waits_as_long_as_an_export_may_take(text: str, seconds: float) -> None:
    """And no longer than OpenTelemetry does: who sets 10000 thinks of milliseconds."""
    assert load({}, {"OTEL_EXPORTER_OTLP_TIMEOUT": text}).settings.exit_timeout == seconds
    ours = {"OTEL_EXPORTER_OTLP_TIMEOUT": text, "OTEL_LLM_EXIT_TIMEOUT": "2"}
    assert load({}, ours).settings.exit_timeout == 2


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
def test_every_setting_has_its_variable(spec: Any) -> None:
    values = ("true", "on", "1", "keep", "main", "SPAN_ONLY", "2.5", "text")
    for text in values:
        loaded = load({}, {"OTEL_LLM_ATTRIBUTION": "text", spec.variable: text})
        if not loaded.problems:
            assert getattr(loaded.settings, spec.name) == spec.parse(text)
            return
    pytest.fail(f"no value of {values} is allowed for {spec.name}")


@pytest.mark.parametrize(
    ("name", "text"),
    [("scrape", "maybe"), ("scrape_port", "70000"), ("http_spans", "sometimes"), ("model_cap", "0"),
     ("budget_day", "-1"), ("budget_month", "inf"), ("native_spans", "both"), ("semconv", "old"),
     ("exit_timeout", "-1"), ("exit_timeout", "nan")],
)  # fmt: skip
def test_bad_value(name: str, text: str) -> None:
    spec = next(spec for spec in SPECS if spec.name == name)
    loaded = load({}, {spec.variable: text})
    (problem,) = loaded.problems
    assert spec.variable in problem
    assert repr(text) in problem
    assert spec.allowed in problem
    assert getattr(loaded.settings, name) == getattr(Settings(), name)
    with pytest.raises(otel_llm.SettingError, match=f"{name}={text!r}".replace("-", "\\-")) as raised:
        load({name: text}, {})
    assert spec.allowed in str(raised.value)


def test_unknown_keyword_names_the_known_ones() -> None:
    with pytest.raises(otel_llm.SettingError, match=r"'scrap_port'.*scrape_port"):
        otel_llm.instrument(scrap_port=1)  # type: ignore[call-arg]


def test_bad_environment_does_not_stop_the_app(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_LLM_SCRAPE", "perhaps")
    with observed() as telemetry:
        (warning,) = [record.getMessage() for record in telemetry.logged]
        telemetry.logged.clear()
    assert "OTEL_LLM_SCRAPE='perhaps'" in warning
    assert "auto, on or off" in warning


@pytest.mark.parametrize(
    ("variable", "value", "lost", "left"),
    [
        ("OTEL_METRIC_EXPORT_INTERVAL", "0", "metrics", "traces"),
        ("OTEL_METRICS_EXEMPLAR_FILTER", "some", "metrics", "traces"),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "-1", "traces", "metrics"),
        ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "100000", "traces", "metrics"),
        ("OTEL_ATTRIBUTE_COUNT_LIMIT", "abc", "traces", "metrics"),
    ],
)
def test_a_standard_variable_that_the_sdk_does_not_take(
    emulator: Emulator, receiver: Receiver, variable: str, value: str, lost: str, left: str
) -> None:
    """A warning names it and says what happens; the app, and the other signal, go on."""
    done = run(
        'otel_llm.instrument(scrape="off")\ncall()\nprint("done")\n',
        EMULATOR=emulator.url, OTEL_EXPORTER_OTLP_ENDPOINT=receiver.url, **{variable: value},
    )  # fmt: skip
    assert done.stdout == "done\n"
    (warning,) = done.stderr.splitlines()
    assert f"{variable}={value!r}" in warning
    assert warning.endswith(f"no {lost} are exported over OTLP")
    assert set(receiver.paths) == {f"/v1/{left}"}


def test_an_exporter_that_is_not_installed_is_said_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://user:s3cret@127.0.0.1:9?token=s3cret")
    for module in ("trace_exporter", "metric_exporter"):
        monkeypatch.setitem(sys.modules, f"opentelemetry.exporter.otlp.proto.http.{module}", None)
    with observed(tracer_provider=None) as telemetry:
        (warning,) = [record.getMessage() for record in telemetry.logged]
        telemetry.logged.clear()
    assert "@127.0.0.1:9" in warning
    assert "s3cret" not in warning
    assert "pip install 'otel-llm[otlp]'" in warning
    assert "nothing is exported over OTLP" in warning


@pytest.mark.parametrize("variable", ["OTEL_LLM_DISABLED", "OTEL_SDK_DISABLED"])
def test_disabled(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import openai

    monkeypatch.setenv(variable, "true")
    before = openai._base_client.SyncAPIClient.__dict__["request"]
    with observed() as telemetry:
        assert openai._base_client.SyncAPIClient.__dict__["request"] is before
        assert not [s for s in telemetry.samples() if s.name.startswith("otel_llm")]


def test_price_file_that_is_not_there(tmp_path: Any) -> None:
    with observed(prices=str(tmp_path / "none.yaml")) as telemetry:
        said = [record.getMessage() for record in telemetry.logged]
        telemetry.logged.clear()
    (message,) = [text for text in said if "price overrides" in text]
    assert "none.yaml" in message


@pytest.mark.parametrize("name", ["baggage_read", "baggage_write"])
def test_baggage_of_a_key_that_is_not_declared(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(otel_llm.SettingError, match=rf"{name}='team,tenant'.*: tenant not in .*attribution.* \(team\)"):
        otel_llm.instrument(attribution="team", **{name: "team,tenant"})
    monkeypatch.setenv(f"OTEL_LLM_{name.upper()}", "tenant")
    with observed() as telemetry:
        (warning,) = [record.getMessage() for record in telemetry.logged]
        telemetry.logged.clear()
    assert f"OTEL_LLM_{name.upper()}='tenant'" in warning
    assert "(empty)" in warning


def test_a_variable_that_is_missing_does_not_stop_an_app_that_names_baggage_in_code() -> None:
    loaded = load({"baggage_read": "team,tenant"}, {"OTEL_LLM_ATTRIBUTION": "team"})
    (problem,) = loaded.problems
    assert "instrument(baggage_read='team,tenant'): tenant not in" in problem
    assert loaded.settings.baggage_read == "team"
