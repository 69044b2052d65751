"""One word for why a choice ended, whatever the provider's: the conventions' list plus ``error`` and ``other``."""

from __future__ import annotations

from typing import Final

from otel_llm import catalog

_WORDS: Final[dict[str, tuple[str, ...]]] = {
    "stop": (
        "stop",  # OpenAI and everyone compatible, Gemini, Ollama, Mistral, Llama on Bedrock
        "end_turn", "stop_sequence",  # Anthropic, Bedrock Converse, Nova; Cohere
        "complete",  # Cohere
        "completed",  # Responses, Gemini interactions
        "eos_token", "eos", "endoftext", "end_of_text",  # Hugging Face, watsonx, Together, AI21, Aleph Alpha
        "finish", "stop_criteria_met",  # Titan
        "succeeded",  # Replicate
        "1",  # Vertex with enum-encoding=int
    ),
    "length": (
        "length", "max_tokens", "max_output_tokens", "max_length", "token_limit",
        "model_length",  # Mistral
        "maximum_tokens",  # Aleph Alpha
        "model_context_window_exceeded", "error_limit",  # Anthropic and Bedrock; Cohere
        "2",
    ),
    "content_filter": (
        "content_filter", "content_filtered", "guardrail_intervened",  # OpenAI, Titan and Converse
        "refusal",  # Anthropic
        "error_toxic",  # Cohere
        "safety", "recitation", "blocklist", "prohibited_content", "spii", "model_armor",  # Gemini
        "image_safety", "image_prohibited_content", "image_recitation", "jailbreak",
        "3", "4", "6", "7", "8", "10",
    ),
    "tool_call": (
        "tool_calls", "tool_call", "tool_use", "function_call",
        "requires_action",  # Gemini interactions
    ),
    "compaction": ("compaction",),
    "error": (
        "error", "failed", "timeout", "network_error",
        "malformed_function_call", "malformed_response", "unexpected_tool_call", "too_many_tool_calls",  # Gemini
        "missing_thought_signature",
        "malformed_model_output", "malformed_tool_use",  # Bedrock Converse
        "insufficient_system_resource",  # DeepSeek
        "9",
    ),
}  # fmt: skip

_NORMAL: Final = {word: normal for normal, words in _WORDS.items() for word in words}


def normalise(reason: str) -> str:
    """One of :data:`otel_llm.catalog.FINISH_VALUES` for a provider's own word; ``other`` for one not in the table.

    Numbers are Vertex AI's ``Candidate.FinishReason``, sent under ``$alt=json;enum-encoding=int``.
    """
    found = _NORMAL.get(reason)
    return found if found is not None else _NORMAL.get(reason.lower(), catalog.OTHER)
