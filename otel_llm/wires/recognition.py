"""Is this request an LLM call? Asked only where no client seam knows: raw HTTP and SDKs that we have no seam for.

The path must be one that a format claims, and either the host is a known provider or the body asks as that format does:
``/api/chat`` or ``/responses`` of the user's own services are not LLM calls.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol, cast

import msgspec

from otel_llm import opening
from otel_llm.call import Call
from otel_llm.formats.reading import mapping
from otel_llm.formats.table import Recognised, recognise
from otel_llm.providers import provider_of
from otel_llm.runtime import Runtime

Content = Callable[[], bytes | None]


class Url(Protocol):
    """A parsed URL, as httpx and httpx2 have it."""

    @property
    def path(self) -> str: ...
    @property
    def host(self) -> str: ...
    @property
    def port(self) -> int | None: ...


PROMPTS: Final[dict[str, tuple[str, ...]]] = {
    "openai_chat": ("messages",),
    "openai_completions": ("prompt",),
    "openai_responses": ("input", "prompt"),
    "openai_embeddings": ("input",),
    "anthropic_messages": ("messages", "prompt"),
    "ollama_chat": ("messages",),
    "ollama_generate": ("prompt",),
    "cohere_chat": ("messages",),
    "cohere_chat_v1": ("message",),
    "rerank": ("documents",),
}
"""Which field of a body is the prompt, by the format's name."""
OTHER_PROMPTS: Final = ("messages", "input", "prompt", "contents", "inputs", "texts")
"""Those of the formats that are not listed."""

BODY_CAP: Final = 32 * 1024 * 1024
"""A larger request body is not parsed: its model stays unknown."""

FLAVOURS: Final = {
    "anthropic": "anthropic", "bedrock": "aws.bedrock", "cohere": "cohere", "gemini": "gcp.gemini",
    "huggingface": "huggingface", "ollama": "ollama", "watsonx": "ibm.watsonx.ai",
}  # fmt: skip
"""Provider of a server that we do not know, by the first word of the format's name: the flavour that the client speaks
(conventions)."""
OPENAI: Final = "openai"
"""That of all other servers, which speak OpenAI's formats."""


def open_call(active: Runtime, method: str, url: Url, content: Content, in_process: Callable[[], bool]) -> Call | None:
    """The call that this request is, opened; ``None`` if it is none. An app of this process (``in_process``) is no
    provider, whatever its paths and bodies look like."""
    if method != "POST":
        return None
    provider = provider_of(url.host)
    found = recognise(url.path, provider)
    if found is None:
        return None
    if provider is None and in_process():
        return None
    body = json_object(content())
    if provider is None and not _asks(found, body):
        return None
    flavour = FLAVOURS.get(found.format.name.partition("_")[0], OPENAI)
    return opening.open_call(active, found, body, client=opening.RAW, provider=flavour, host=url.host, port=url.port)


def _asks(found: Recognised, body: Mapping[str, Any]) -> bool:
    """Whether a body for a host that we do not know is a prompt: what it says, and to which model."""
    name = found.format.name
    field = next((key for key in PROMPTS.get(name, OTHER_PROMPTS) if key in body), None)
    if field is None or (field == "messages" and not _in_roles(body[field])):
        return False
    # llama.cpp serves one model, and its clients need not name it.
    return "model" in body or (name, field) == ("openai_chat", "messages")


def _in_roles(messages: object) -> bool:
    """Whether these are things said by somebody: an app's own messages seldom have roles."""
    said = cast("list[object]", messages) if isinstance(messages, list) else []
    return bool(said) and all("role" in mapping(one) for one in said)


def json_object(content: bytes | None) -> Mapping[str, Any]:
    """A request body; empty if it is absent, very large, or no JSON object."""
    if not content or len(content) > BODY_CAP:
        return {}
    try:
        found = msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return {}
    return mapping(found)
