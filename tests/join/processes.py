"""Programs in a process of their own: OpenTelemetry's global providers can be set only once per process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from typing import Any

PRELUDE = """
import json, os
import openai
import otel_llm
from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from prometheus_client import REGISTRY, generate_latest
URL = os.environ["EMULATOR"]
def call(model="gpt-4o"):
    with openai.OpenAI(base_url=URL + "/v1", api_key="k") as client:
        return client.chat.completions.create(model=model, messages=[{"role": "user", "content": "hi"}])
def tracing():
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return provider, lambda: [(s.name, s.instrumentation_scope.name) for s in exporter.get_finished_spans()]
def metering():
    reader = InMemoryMetricReader()
    def names():
        data = reader.get_metrics_data()
        scopes = [scope for resource in data.resource_metrics for scope in resource.scope_metrics] if data else []
        return sorted({metric.name for scope in scopes for metric in scope.metrics})
    return MeterProvider([reader]), names
def scraped():
    return sorted({line.split(" ")[2] for line in generate_latest(REGISTRY).decode().splitlines()
                   if line.startswith("# TYPE") and ("gen_ai" in line or "otel_llm" in line)})
def tell(**facts):
    print(json.dumps(facts))
"""


def environment(**extra: str) -> dict[str, str]:
    """The environment without any setting of ours or OpenTelemetry's, and without coverage of the parent's."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("OTEL_") or key == "OTEL_LLM_SHARED"}
    return {**kept, **extra}


def run(
    source: str, *, prelude: bool = True, command: tuple[str, ...] = (), **env: str
) -> subprocess.CompletedProcess[str]:
    """Runs a program and gives what it printed; fails if it failed."""
    program = (PRELUDE if prelude else "") + textwrap.dedent(source)
    done = subprocess.run(
        [*command, sys.executable, "-c", program], env=environment(**env), capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done


def told(source: str, **env: str) -> dict[str, Any]:
    """What the program told; nothing may have gone to its standard error."""
    done = run(source, **env)
    assert done.stderr == ""
    return json.loads(done.stdout.splitlines()[-1])
