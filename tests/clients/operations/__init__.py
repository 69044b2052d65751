"""Every operation of every client that we promise: one row each, imported without its SDK."""

from __future__ import annotations

from typing import Final

from tests.clients.operations import anthropic, aws, cohere, google, http, huggingface, mistral, ollama, openai_like
from tests.clients.operations.operation import Operation

OPERATIONS: Final[tuple[Operation, ...]] = (
    *openai_like.OPERATIONS,
    *anthropic.OPERATIONS,
    *google.OPERATIONS,
    *aws.OPERATIONS,
    *mistral.OPERATIONS,
    *cohere.OPERATIONS,
    *ollama.OPERATIONS,
    *huggingface.OPERATIONS,
    *http.OPERATIONS,
)
"""The README's table of clients says what stands here."""
