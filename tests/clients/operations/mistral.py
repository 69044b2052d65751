"""mistralai: its own API, and its clients for Vertex AI and Azure."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

from tests.clients.operations import answers
from tests.clients.operations.answers import Answer
from tests.clients.operations.operation import ASK, Operation

ASKED: Any = {"model": "m", "messages": ASK}
FILL: Any = {"model": "codestral-2405", "prompt": "x"}
VERTEX: Any = {"model": "mistral-large-2407", "messages": ASK}


class _Half:
    """The SDK has one class for both halves: the async one's methods end in ``_async``."""

    def __init__(self, sdk: Any, suffix: str) -> None:
        self.sdk = sdk
        self._suffix = suffix

    def __call__(self, part: str, method: str, **asked: Any) -> Any:
        return getattr(getattr(self.sdk, part), method + self._suffix)(**asked)


def _first(*places: tuple[str, str]) -> Any:
    """The class at the first of the places that is there: the SDK's majors have moved them."""
    for module, name in places:
        try:
            return getattr(import_module(module), name)
        except (ModuleNotFoundError, AttributeError):
            continue
    raise ModuleNotFoundError(f"none of {places}")


def own(url: str) -> Any:
    return _first(("mistralai.client", "Mistral"), ("mistralai", "Mistral"))(api_key="k", server_url=url)


def azure(url: str) -> Any:
    kind = _first(("mistralai.azure.client", "MistralAzure"), ("mistralai_azure", "MistralAzure"))
    made = kind(azure_api_key="k", azure_endpoint=url) if kind.__module__.startswith("mistralai_azure") else None
    return made or kind(api_key="k", server_url=url)


def gcp(url: str) -> Any:
    kind = _first(("mistralai.gcp.client", "MistralGCP"), ("mistralai_gcp", "MistralGoogleCloud"))
    sdk = kind(project_id="p", region="r", access_token="t")
    sdk.sdk_configuration.server_url = url
    return sdk


def _row(
    make: Callable[[str], Any], name: str, part: str, method: str, asked: Any, answer: Answer, **rest: Any
) -> Operation:
    label, provider = PLACES[make]
    return Operation(
        sdk="mistralai", client="mistralai", name=name + label, provider=provider, model=asked.get("model"),
        sync=lambda url: _Half(make(url), ""), asynchronous=lambda url: _Half(make(url), "_async"),
        call=lambda half: half(part, method, **asked), answer=answer, **rest,
    )  # fmt: skip


PLACES: dict[Any, tuple[str, str]] = {
    own: ("", "mistral_ai"),
    azure: (" (Azure)", "azure.ai.inference"),
    gcp: (" (Vertex AI)", "gcp.vertex_ai"),
}
FIM: Any = {"kind": "text_completion"}
STREAM: Any = {"stream": True}

OPERATIONS = (
    _row(own, "chat", "chat", "complete", ASKED, answers.CHAT),
    _row(own, "chat stream", "chat", "stream", ASKED, answers.CHAT_STREAM, **STREAM),
    _row(own, "fim", "fim", "complete", FILL, answers.CHAT, **FIM),
    _row(own, "fim stream", "fim", "stream", FILL, answers.CHAT_STREAM, **FIM, **STREAM),
    _row(own, "agents", "agents", "complete", {"agent_id": "a", "messages": ASK}, answers.CHAT),
    _row(own, "agents stream", "agents", "stream", {"agent_id": "a", "messages": ASK}, answers.CHAT_STREAM, **STREAM),
    _row(
        own, "embeddings", "embeddings", "create", {"model": "m", "inputs": ["x"]}, answers.EMBEDDINGS,
        kind="embeddings", tokens=(11, None), finish=(),
    ),
    _row(azure, "chat", "chat", "complete", ASKED, answers.CHAT),
    _row(azure, "chat stream", "chat", "stream", ASKED, answers.CHAT_STREAM, **STREAM),
    _row(gcp, "chat", "chat", "complete", VERTEX, answers.CHAT),
    _row(gcp, "chat stream", "chat", "stream", VERTEX, answers.CHAT_STREAM, **STREAM),
    _row(gcp, "fim", "fim", "complete", FILL, answers.CHAT, **FIM),
    _row(gcp, "fim stream", "fim", "stream", FILL, answers.CHAT_STREAM, **FIM, **STREAM),
)  # fmt: skip
