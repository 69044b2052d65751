"""Which format a request speaks, by its path: one table, from the last path segment on.

The path alone does not make a request an LLM call (``/api/chat`` is a common name): who asks knows the client, the
host or the body besides. Paths of other calls (models, files, batches, token counting) are not in the table.
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import unquote

import msgspec

from otel_llm.formats import (
    aleph_alpha,
    anthropic_messages,
    bedrock_converse,
    bedrock_invoke,
    cohere,
    gemini,
    gemini_embeddings,
    gemini_interactions,
    huggingface,
    ollama,
    openai_chat,
    openai_responses,
    replicate,
    rerank,
    watsonx,
    writer,
)
from otel_llm.formats.facts import Format


class Recognised(msgspec.Struct, frozen=True):
    """What a path says."""

    format: Format
    model: str | None = None
    """Model, deployment or profile that stands in the path."""
    stream: bool | None = None
    """``None`` where the path does not tell (mostly the body does)."""


class Route(msgspec.Struct, frozen=True):
    """A rule for one last segment."""

    format: Format
    after: str = ""
    """How the path before the last segment must end; ``/`` stands for nothing before it."""
    inside: str = ""
    """What the path before the last segment must contain."""
    provider: str = ""
    """The only provider that means this format by this path."""
    stream: bool | None = None


ROUTES: Final[dict[str, tuple[Route, ...]]] = {
    "completions": (
        Route(openai_chat.CHAT, "/chat"),  # OpenAI, Azure, Groq, Mistral, Together, Fireworks, ... under any prefix
        Route(openai_chat.CHAT, "/agents"),  # Mistral
        Route(openai_chat.CHAT, inside="/prompts/"),  # Portkey
        Route(writer.COMPLETIONS, provider="writer"),
        Route(openai_chat.COMPLETIONS),  # Mistral's /fim/completions, too
    ),
    "responses": (Route(openai_responses.RESPONSES),),
    "embeddings": (
        Route(ollama.EMBED, "/api"),
        Route(watsonx.EMBEDDINGS, "/text", "/ml/"),
        Route(openai_chat.EMBEDDINGS),
    ),
    "messages": (Route(anthropic_messages.MESSAGES, "/v1"),),
    "complete": (Route(anthropic_messages.MESSAGES, "/v1"), Route(aleph_alpha.COMPLETE, "/")),
    "interactions": (Route(gemini_interactions.INTERACTIONS),),
    "chat": (
        Route(ollama.CHAT, "/api"),
        Route(cohere.CHAT_V2, "/v2"),
        Route(openai_chat.CHAT, "/v1", provider="writer"),
        Route(cohere.CHAT_V1, "/v1"),
        Route(watsonx.CHAT, "/text", "/ml/"),
    ),
    "chat_stream": (Route(watsonx.CHAT, "/text", "/ml/", stream=True),),
    "embed": (
        Route(ollama.EMBED, "/api"),
        Route(cohere.EMBED, "/v2"),
        Route(cohere.EMBED, "/v1"),
    ),
    "rerank": (Route(rerank.RERANK),),
    "generate": (
        Route(ollama.GENERATE, "/api"),
        Route(cohere.GENERATE, "/v1"),
        Route(huggingface.GENERATION, "/", stream=False),
    ),
    "generate_stream": (Route(huggingface.GENERATION, "/", stream=True),),
    "generation": (Route(watsonx.GENERATION, "/text", "/ml/", stream=False),),
    "generation_stream": (Route(watsonx.GENERATION, "/text", "/ml/", stream=True),),
    "text": (Route(watsonx.GENERATION, "/generation", "/ml/", stream=False),),
    "text_stream": (Route(watsonx.GENERATION, "/generation", "/ml/", stream=True),),
    "converse": (Route(bedrock_converse.CONVERSE, inside="/model/", stream=False),),
    "converse-stream": (Route(bedrock_converse.CONVERSE, inside="/model/", stream=True),),
    "invoke": (Route(bedrock_invoke.INVOKE, inside="/model/", stream=False),),
    "invoke-with-response-stream": (Route(bedrock_invoke.INVOKE, inside="/model/", stream=True),),
    "predictions": (Route(replicate.PREDICTIONS, "/v1"), Route(replicate.PREDICTIONS, inside="/v1/models/")),
}

VERBS: Final[dict[str, tuple[Route, ...]]] = {
    "generateContent": (Route(gemini.GENERATE, stream=False),),
    "streamGenerateContent": (Route(gemini.GENERATE, stream=True),),
    "embedContent": (Route(gemini_embeddings.EMBED, stream=False),),
    "batchEmbedContents": (Route(gemini_embeddings.EMBED, stream=False),),
    "predict": (Route(gemini_embeddings.EMBED, inside="/publishers/google/", stream=False),),
    "rawPredict": (
        Route(anthropic_messages.MESSAGES, inside="/publishers/anthropic/", stream=False),
        Route(openai_chat.CHAT, inside="/publishers/", stream=False),  # Mistral, AI21 and others on Vertex AI
    ),
    "streamRawPredict": (
        Route(anthropic_messages.MESSAGES, inside="/publishers/anthropic/", stream=True),
        Route(openai_chat.CHAT, inside="/publishers/", stream=True),
    ),
}
"""Google's paths: the last segment is ``{model}:{verb}``."""

TASKS: Final[dict[str, Format]] = {
    "text-generation": huggingface.GENERATION,
    "feature-extraction": huggingface.FEATURES,
    "conversational": openai_chat.CHAT,
}
"""Hugging Face: the path is a model's URL, the client knows the task."""


_END: Final = re.compile("[?#]")


def recognise(path: str, provider: str | None = None) -> Recognised | None:
    """The format that a POST to ``path`` speaks, or ``None`` if it is no LLM call of a known format.

    ``path`` may be a whole URL and carry a query or a fragment (mistralai marks streams with ``#stream``).
    ``provider`` (``gen_ai.provider.name``), where known, decides between two formats under one path (Writer's
    ``/v1/chat`` is not Cohere's).
    """
    return _known.get((path, provider)) or _look_up(path, provider)


_known: Final[dict[tuple[str, str | None], Recognised]] = {}
"""What is an LLM call, and never what is none: an app's other paths are as many as its ids."""
KNOWN_CAP: Final = 1024
"""Paths that are remembered: they hold the names of deployments and models. A full table is emptied."""
LONGEST: Final = 512
"""Longer paths, in characters, are looked up each time."""


def _look_up(path: str, provider: str | None) -> Recognised | None:
    head, _, last = _END.split(path, 1)[0].rpartition("/")
    found = _by_segment(head, last, provider) if last in ROUTES else _by_verb(head, last) if ":" in last else None
    if found is not None and len(path) <= LONGEST:
        if len(_known) >= KNOWN_CAP:
            _known.clear()
        _known[path, provider] = found
    return found


def _by_segment(head: str, last: str, provider: str | None) -> Recognised | None:
    head = _rooted(head)
    for route in ROUTES[last]:
        if _fits(route, head, provider):
            return _at(route, head)
    return None


def _by_verb(head: str, last: str) -> Recognised | None:
    model, _, verb = last.rpartition(":")
    head = _rooted(head) + "/"
    for route in VERBS.get(verb, ()):
        if _fits(route, head, None):
            if model == "count-tokens" or (verb == "predict" and not _embeds(model)):
                return None
            kept = "" if head.endswith("/models/") else head.rstrip("/").rpartition("/")[2] + "/"
            return Recognised(route.format, kept + unquote(model), route.stream)
    return None


def _embeds(model: str) -> bool:
    """Imagen and others answer ``:predict``, too."""
    return "embedding" in model or "gecko" in model


def _rooted(head: str) -> str:
    """The path before the last segment, from ``/`` on; SDKs give relative paths and whole URLs."""
    if "://" in head:
        head = "/" + head.partition("://")[2].partition("/")[2]
    return head if head.startswith("/") else "/" + head


def _fits(route: Route, head: str, provider: str | None) -> bool:
    if route.provider and route.provider != provider:
        return False
    if route.after == "/":
        return head == "/"
    return head.endswith(route.after) and route.inside in head


def _at(route: Route, head: str) -> Recognised:
    if route.inside == "/model/":
        model = unquote(head.partition("/model/")[2]) or None
        if route.format is bedrock_invoke.INVOKE:
            return Recognised(bedrock_invoke.invoke_format(model or ""), model, route.stream)
        return Recognised(route.format, model, route.stream)
    return Recognised(route.format, _deployment(head) or _model(head), route.stream)


def _deployment(head: str) -> str | None:
    """Azure OpenAI: ``/openai/deployments/{deployment}/chat``."""
    return unquote(head.partition("/deployments/")[2].partition("/")[0]) or None if "/deployments/" in head else None


def _model(head: str) -> str | None:
    """Hugging Face and Replicate: ``/models/{owner}/{name}``, maybe with ``/v1/...`` after it."""
    return head.partition("/models/")[2].partition("/v1")[0] or None if "/models/" in head else None
