from __future__ import annotations

import pytest

from otel_llm import catalog
from otel_llm.formats.finish import normalise


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (("stop", "STOP", "end_turn", "stop_sequence", "STOP_SEQUENCE", "COMPLETE", "completed", "FINISH"), "stop"),
        (("eos_token", "endoftext", "eos", "succeeded", "1"), "stop"),
        (("length", "MAX_TOKENS", "max_tokens", "max_output_tokens", "model_length", "LENGTH", "2"), "length"),
        (("model_context_window_exceeded", "maximum_tokens", "ERROR_LIMIT"), "length"),
        (
            ("content_filter", "SAFETY", "RECITATION", "guardrail_intervened", "refusal", "ERROR_TOXIC"),
            "content_filter",
        ),
        (("3", "4", "6", "7", "8", "10", "CONTENT_FILTERED"), "content_filter"),
        (("tool_calls", "tool_use", "function_call", "TOOL_CALL", "requires_action"), "tool_call"),
        (("compaction",), "compaction"),
        (("failed", "ERROR", "MALFORMED_FUNCTION_CALL", "malformed_tool_use", "9"), "error"),
        (("", "pause_turn", "5", "OTHER", "load", "whatever comes next"), "other"),
    ],
)
def test_words(words: tuple[str, ...], wanted: str) -> None:
    assert {normalise(word) for word in words} == {wanted}
    assert wanted in catalog.FINISH_VALUES
