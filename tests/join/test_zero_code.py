"""Without a change to the app: ``otel-llm run -- python app.py`` and ``opentelemetry-instrument python app.py``."""

from __future__ import annotations

import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from otel_llm import catalog
from otel_llm.demo.emulator import Emulator
from tests.join.processes import environment
from tests.join.receiver import Receiver, attributes

APP = """
import os, sys
import anthropic
import openai
assert sys.argv[1:] == ["--flag", "value"], sys.argv
with openai.OpenAI(
    base_url=os.environ["EMULATOR"] + "/v1", api_key="k", default_query={"key": os.environ["CANARY"]}
) as client:
    client.chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": "hi"}])
with anthropic.Anthropic(base_url=os.environ["EMULATOR"], api_key="k") as client:
    client.messages.create(model="claude-opus-4-8", max_tokens=9, messages=[{"role": "user", "content": "hi"}])
print("done")
sys.exit(3)
"""
BIN = Path(sys.executable).parent
CLI = (sys.executable, "-c", "from otel_llm.cli import main; main()")


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as listening:
        yield listening


@pytest.mark.parametrize(
    "command",
    [(*CLI, "run", "--"), (str(BIN / "opentelemetry-instrument"),)],
    ids=["otel-llm-run", "opentelemetry-instrument"],
)
@pytest.mark.parametrize("disabled", ["", "httpx,httpx2"], ids=["plain", "as-the-readme-says"])
def test_app_as_it_is(
    command: tuple[str, ...], disabled: str, tmp_path: Path, emulator: Emulator, receiver: Receiver
) -> None:
    """``opentelemetry-instrument`` turns on every instrumentation that is installed, HTTP spans by ours included; where
    it does, they are without the key that was in the URL."""
    if command[0].endswith("opentelemetry-instrument") and not Path(command[0]).exists():
        pytest.fail("opentelemetry-instrument is not installed beside Python: pip install '.[test]'")
    app = tmp_path / "app.py"
    app.write_text(APP)
    canary = f"canary{uuid.uuid4().hex}"
    env = environment(
        CANARY=canary,
        EMULATOR=emulator.url,
        OTEL_EXPORTER_OTLP_ENDPOINT=receiver.url,
        OTEL_EXPORTER_OTLP_PROTOCOL="http/protobuf",
        OTEL_EXPORTER_PROMETHEUS_PORT="0",
        OTEL_PYTHON_DISABLED_INSTRUMENTATIONS=disabled,
    )
    done = subprocess.run(
        [*command, sys.executable, str(app), "--flag", "value"], env=env, capture_output=True, text=True, timeout=120
    )
    assert (done.returncode, done.stdout) == (3, "done\n"), done.stderr
    assert [request.query for request in emulator.requests] == [f"key={canary}", ""]
    calls = [span for span in receiver.spans if catalog.SPAN_CLIENT in attributes(span)]
    assert sorted(span.name for span in calls) == ["chat claude-opus-4-8", "chat gpt-4o"]
    assert {attributes(span)[catalog.SPAN_CLIENT] for span in calls} == {"openai", "anthropic"}
    others = [span for span in receiver.spans if span not in calls]
    launched = command[0].endswith("opentelemetry-instrument") and not disabled
    assert len(others) == (2 if launched else 0)
    assert sum("?key=REDACTED" in str(span) for span in others) == (1 if launched else 0)
    assert canary not in str(receiver.spans) + str(receiver.metrics)
    names = {metric.name for metric in receiver.metrics}
    assert {catalog.CALLS.name, catalog.DURATION.name} <= names


def test_run_without_a_command() -> None:
    done = subprocess.run([*CLI, "run"], capture_output=True, text=True, timeout=120)
    assert done.returncode == 2
    assert "otel-llm run -- python app.py" in done.stderr


def test_run_of_a_command_that_is_not_there() -> None:
    command = [*CLI, "run", "--", "no-such-command"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 127
    assert "no-such-command" in done.stderr


def test_app_starts_whatever_is_wrong_with_us(tmp_path: Path) -> None:
    """A setting that is not allowed, or a package that cannot be imported, is a line on standard error."""
    (tmp_path / "otel_llm.py").write_text("raise RuntimeError('broken')\n")
    command = [*CLI, "run", "--", sys.executable, "-c", "print('done')"]
    env = environment(OTEL_LLM_SCRAPE="perhaps", OTEL_LLM_SCRAPE_PORT="0")
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout) == (0, "done\n")
    assert "OTEL_LLM_SCRAPE" in done.stderr


def test_another_sitecustomize_still_runs(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("print('theirs')\n")
    command = [*CLI, "run", "--", sys.executable, "-c", "print('done')"]
    env = environment(PYTHONPATH=str(tmp_path), OTEL_LLM_SCRAPE_PORT="0")
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=120)
    # The command line itself is a Python of the same path, hence the first line.
    assert done.stdout == "theirs\ntheirs\ndone\n"
