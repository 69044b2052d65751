"""Which wire format answers which path: one row per provider API."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from otel_llm.demo.emulator.anthropic_bedrock import BEDROCK
from otel_llm.demo.emulator.anthropic_messages import FOUNDRY, MESSAGES, VERTEX
from otel_llm.demo.emulator.bedrock_converse import CONVERSE
from otel_llm.demo.emulator.cohere_chat import COHERE_CHAT
from otel_llm.demo.emulator.gemini import GEMINI, VERTEX_GEMINI
from otel_llm.demo.emulator.ollama_chat import OLLAMA_CHAT
from otel_llm.demo.emulator.openai_chat import AZURE_CHAT, CHAT, COMPLETIONS, MISTRAL_CHAT
from otel_llm.demo.emulator.openai_embeddings import EMBEDDINGS
from otel_llm.demo.emulator.openai_responses import RESPONSES
from otel_llm.demo.emulator.wire import Wire


class Route(NamedTuple):
    """Paths that end in a match of ``path`` speak ``wire``; the first match wins."""

    path: re.Pattern[str]
    wire: Wire


ROUTES: Final = (
    Route(re.compile(r"/openai/deployments/[^/]+/chat/completions$"), AZURE_CHAT),
    Route(re.compile(r"/mistral/v1/chat/completions$"), MISTRAL_CHAT),
    Route(re.compile(r"/chat/completions$|/writer/v1/chat$"), CHAT),
    Route(re.compile(r"/completions$"), COMPLETIONS),
    Route(re.compile(r"/responses$"), RESPONSES),
    Route(re.compile(r"/embeddings$"), EMBEDDINGS),
    Route(re.compile(r"/anthropic/v1/messages$"), FOUNDRY),
    Route(re.compile(r"/messages$"), MESSAGES),
    Route(re.compile(r"/publishers/anthropic/models/[^/]+:(?:rawPredict|streamRawPredict)$"), VERTEX),
    Route(re.compile(r"/model/[^/]+/(?:invoke|invoke-with-response-stream)$"), BEDROCK),
    Route(re.compile(r"/model/[^/]+/(?:converse|converse-stream)$"), CONVERSE),
    Route(re.compile(r"/publishers/google/models/[^/]+:(?:generateContent|streamGenerateContent)$"), VERTEX_GEMINI),
    Route(re.compile(r"/models/[^/]+:(?:generateContent|streamGenerateContent)$"), GEMINI),
    Route(re.compile(r"/v2/chat$"), COHERE_CHAT),
    Route(re.compile(r"/api/chat$"), OLLAMA_CHAT),
)


def wire_of(path: str) -> Wire | None:
    """The wire format of a request's path; ``None`` if no API has it."""
    return next((route.wire for route in ROUTES if route.path.search(path)), None)
