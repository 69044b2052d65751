"""Patching: whenever ``instrument()`` comes, as often as it comes, and nothing left of it afterwards."""

from __future__ import annotations

import inspect
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import anthropic
import httpx
import httpx2
import openai
import pytest
import wrapt

import otel_llm
from otel_llm import catalog
from otel_llm.demo.emulator import Emulator
from tests.behaviour.rows import CHAT
from tests.telemetry import observed

PATCHED = [
    (openai._base_client.SyncAPIClient, "request"),
    (openai._base_client.AsyncAPIClient, "request"),
    (anthropic._base_client.SyncAPIClient, "request"),
    (anthropic._base_client.AsyncAPIClient, "request"),
    (httpx.Client, "send"),
    (httpx.AsyncClient, "send"),
    (httpx2.Client, "send"),
    (httpx2.AsyncClient, "send"),
]


def call(emulator: Emulator) -> None:
    with openai.OpenAI(base_url=emulator.url + "/v1", api_key="k") as client:
        client.chat.completions.create(**CHAT)


@pytest.mark.parametrize(("owner", "name"), PATCHED)
def test_uninstrument_restores_the_very_same_functions(owner: type, name: str) -> None:
    original = owner.__dict__[name]
    assert not isinstance(original, wrapt.ObjectProxy)
    with observed():
        assert owner.__dict__[name] is not original
        assert owner.__dict__[name].__wrapped__ is original
    assert owner.__dict__[name] is original


@pytest.mark.parametrize(("owner", "name"), PATCHED)
def test_patched_methods_look_as_before(owner: type, name: str) -> None:
    """To frameworks that ask what a function is and takes: injectors, mocks with a spec, tracers."""

    def look() -> list[object]:
        found = getattr(owner, name)
        asked = (
            inspect.signature,
            inspect.getfullargspec,
            inspect.getdoc,
            inspect.iscoroutinefunction,
            inspect.isfunction,
        )
        return [*(ask(found) for ask in asked), found.__name__, found.__qualname__, found.__module__]

    before = look()
    with observed():
        assert look() == before


def test_instrument_twice_is_once(emulator: Emulator) -> None:
    with observed() as telemetry:
        otel_llm.instrument()
        otel_llm.instrument(scrape="off")
        call(emulator)
        assert telemetry.value(catalog.CALLS) == 1
        telemetry.one()


def test_uninstrument_twice_and_without_instrument() -> None:
    otel_llm.uninstrument()
    with observed():
        pass
    otel_llm.uninstrument()


def test_client_made_before(emulator: Emulator) -> None:
    with openai.OpenAI(base_url=emulator.url + "/v1", api_key="k") as client:
        client.chat.completions.create(**CHAT)
        with observed() as telemetry:
            client.chat.completions.create(**CHAT)
            assert telemetry.one().outcome == "success"
        client.chat.completions.create(**CHAT)
        with observed() as telemetry:
            assert telemetry.spans() == []


def test_second_instrument_after_uninstrument(emulator: Emulator) -> None:
    for _ in range(2):
        with observed() as telemetry:
            call(emulator)
            assert len(telemetry.one().attempts) == 1


@pytest.mark.parametrize(("owner", "name"), [PATCHED[0], PATCHED[6]])
def test_wrapped_again_by_somebody_after_us(owner: Any, name: str, emulator: Emulator) -> None:
    original = owner.__dict__[name]
    seen: list[Any] = []

    def wrapper(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
        seen.append(instance)
        return wrapped(*args, **kwargs)

    try:
        with observed() as telemetry:
            theirs = wrapt.FunctionWrapper(owner.__dict__[name], wrapper)
            setattr(owner, name, theirs)
            call(emulator)
            assert len(telemetry.one().attempts) == 1
        assert owner.__dict__[name] is theirs
        call(emulator)
        with observed() as telemetry:  # our old wrapper is still inside theirs
            call(emulator)
            assert len(telemetry.one().attempts) == 1
        assert len(seen) == 3
    finally:
        setattr(owner, name, original)


def test_bound_method_that_was_saved_meanwhile(emulator: Emulator) -> None:
    with httpx2.Client() as client:
        request = client.build_request("POST", emulator.url + "/v1/chat/completions", json=CHAT)
        with observed() as telemetry:
            send = client.send
            send(request)
            assert telemetry.one().outcome == "success"
        assert send(request).status_code == 200
        assert len(telemetry.spans()) == 1


def test_streams_that_are_open_at_uninstrument(emulator: Emulator) -> None:
    with openai.OpenAI(base_url=emulator.url + "/v1", api_key="k") as client:
        with observed() as telemetry:
            stream = client.chat.completions.create(**CHAT, stream=True)
            next(stream)
            otel_llm.uninstrument()
            span = telemetry.one()
        assert span.outcome == "abandoned"
        assert "".join(chunk.choices[0].delta.content or "" for chunk in stream).endswith("emulator.")
    assert len(telemetry.spans()) == 1


def test_instrument_imports_no_sdk_and_patches_on_import() -> None:
    """A process of its own: here everything is imported already."""
    program = """
        import sys
        import otel_llm
        otel_llm.instrument(scrape="off")
        early = {"openai", "anthropic", "httpx", "httpx2"} & set(sys.modules)
        assert not early, early
        import openai
        import httpx, httpx2
        for function in (openai._base_client.SyncAPIClient.__dict__["request"], httpx.Client.__dict__["send"],
                         httpx2.AsyncClient.__dict__["send"]):
            assert hasattr(function, "__wrapped__"), function
        otel_llm.uninstrument()
        assert not hasattr(httpx2.AsyncClient.__dict__["send"], "__wrapped__")
        import anthropic
        assert not hasattr(anthropic._base_client.SyncAPIClient.__dict__["request"], "__wrapped__")
        otel_llm.instrument(scrape="off")
        assert hasattr(anthropic._base_client.SyncAPIClient.__dict__["request"], "__wrapped__")
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("thread", ["another", "this"])
@pytest.mark.parametrize("ends", ["well", "badly"])
def test_instrument_in_the_middle_of_an_import(thread: str, ends: str, tmp_path: Path) -> None:
    """The module is there, and its class is not yet: it is patched as soon as it is whole, or imported again."""
    (tmp_path / "slow_sdk.py").write_text(
        "import gate\n"
        "gate.middle()\n"
        "class Client:\n"
        "    def send(self): ...\n"
    )  # fmt: skip
    (tmp_path / "gate.py").write_text("middle = lambda: None\n")
    program = f"""
        import sys, threading
        import gate
        from otel_llm.patching import Hook, Patches
        patches, reached, go = Patches(), threading.Event(), threading.Event()
        hook = Hook("slow_sdk", lambda module, found: found.wrap(module.Client, "send", lambda w, i, a, k: w()), "slow")
        def middle():
            if {thread!r} == "this":
                hook.arm(patches, lambda: True)
            reached.set()
            if {thread!r} == "another":
                assert go.wait(10)
            if {ends!r} == "badly":
                raise ImportError("broken")
        def load():
            try:
                import slow_sdk
            except ImportError:
                pass
        gate.middle = middle
        importing = threading.Thread(target=load)
        importing.start()
        assert reached.wait(10)
        if {thread!r} == "another":
            hook.arm(patches, lambda: True)
            assert not hook.patched and hook.problem is None
        go.set()
        importing.join()
        for waiting in threading.enumerate():
            if waiting.name.startswith("otel-llm"):
                waiting.join(10)
        if {ends!r} == "badly":
            assert "slow_sdk" not in sys.modules
            gate.middle = lambda: None
            import slow_sdk
        assert hook.patched and hook.problem is None, hook.problem
        assert hasattr(sys.modules["slow_sdk"].Client.__dict__["send"], "__wrapped__")
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, timeout=120, cwd=tmp_path
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_sdk_version_that_we_do_not_know(monkeypatch: pytest.MonkeyPatch, emulator: Emulator) -> None:
    """One warning that names the SDK; its calls go through, and show on the wire."""
    monkeypatch.delattr(openai._base_client.AsyncAPIClient, "request")
    with observed() as telemetry:
        assert any("openai._base_client" in record.getMessage() for record in telemetry.logged)
        telemetry.logged.clear()
        call(emulator)
        assert telemetry.one().outcome == "success"


def test_the_client_of_the_module_s_functions_goes_where_the_module_says(monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, json={"id": "1", "model": "m", "choices": []})

    monkeypatch.setattr(openai, "api_key", "k")
    monkeypatch.setattr(openai, "_client", None)
    with httpx2.Client(transport=httpx2.MockTransport(answer)) as client, observed() as telemetry:
        monkeypatch.setattr(openai, "http_client", client)
        openai.chat.completions.create(**CHAT)
        assert telemetry.value(catalog.CALLS, gen_ai_provider_name="openai") == 1
        monkeypatch.setattr(openai, "base_url", "https://api.groq.com/openai/v1/")
        openai.chat.completions.create(**CHAT)
        assert telemetry.value(catalog.CALLS, gen_ai_provider_name="groq") == 1
