"""What providers state beyond the recordings: cached tokens, errors in a stream, blocks, counts in odd places."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from otel_llm.formats import (
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
from otel_llm.formats.facts import Facts, Format, Usage


def body(wire_format: Format, document: Any) -> Facts:
    facts = Facts()
    wire_format.body(json.dumps(document).encode(), facts)
    assert facts.complete
    return facts


def stream(wire_format: Format, *documents: Any) -> Facts:
    facts = Facts()
    for document in documents:
        facts.chunks += wire_format.event(json.dumps(document).encode(), facts)
    return facts


# --------------------------------------------------------------------------------------------------- Gemini


def test_gemini_output_is_candidates_and_thoughts() -> None:
    usage = {
        "promptTokenCount": 100, "cachedContentTokenCount": 40, "candidatesTokenCount": 7, "thoughtsTokenCount": 5,
        "promptTokensDetails": [{"modality": "AUDIO", "tokenCount": 30}, {"modality": "TEXT", "tokenCount": 70}],
        "candidatesTokensDetails": [{"modality": 4, "tokenCount": 2}],
    }  # fmt: skip
    facts = body(gemini.GENERATE, {"usageMetadata": usage})
    assert facts.usage == Usage(input=100, output=12, cache_read=40, reasoning=5, input_audio=30, output_audio=2)
    thoughts_only = body(gemini.GENERATE, {"usageMetadata": {"promptTokenCount": 9, "thoughtsTokenCount": 4}})
    assert thoughts_only.usage == Usage(input=9, output=4, reasoning=4)


def test_gemini_input_is_prompt_and_what_tools_gave_back() -> None:
    """The recorded answers' total is the sum of the four counts, too."""
    usage: dict[str, Any] = {
        "promptTokenCount": 10, "candidatesTokenCount": 5, "toolUsePromptTokenCount": 900, "thoughtsTokenCount": 20,
        "totalTokenCount": 935, "promptTokensDetails": [{"modality": "AUDIO", "tokenCount": 3}],
        "toolUsePromptTokensDetails": [{"modality": "AUDIO", "tokenCount": 4}, {"modality": "TEXT", "tokenCount": 896}],
    }  # fmt: skip
    facts = body(gemini.GENERATE, {"usageMetadata": usage})
    assert facts.usage == Usage(input=910, output=25, reasoning=20, input_audio=7)
    counts = {"total_input_tokens": 10, "total_output_tokens": 5, "total_tool_use_tokens": 900}
    assert body(gemini_interactions.INTERACTIONS, {"usage": counts}).usage == Usage(input=910, output=5)


@pytest.mark.parametrize(
    ("wire_format", "stated", "tier"),
    [
        (gemini.GENERATE, {"usageMetadata": {"trafficType": "ON_DEMAND_FLEX"}}, "ON_DEMAND_FLEX"),
        (gemini.GENERATE, {"usageMetadata": {"trafficType": "PROVISIONED_THROUGHPUT"}}, "PROVISIONED_THROUGHPUT"),
        (gemini.GENERATE, {"usageMetadata": {"trafficType": "TRAFFIC_TYPE_UNSPECIFIED"}}, None),
        (gemini.GENERATE, {"usageMetadata": {"trafficType": 1}}, "ON_DEMAND"),
        (gemini.GENERATE, {"usageMetadata": {"trafficType": 99}}, "99"),
        (gemini.GENERATE, {"usageMetadata": {"serviceTier": "flex"}}, "flex"),
        (gemini.GENERATE, {"usageMetadata": {"promptTokenCount": 1}}, None),
        (gemini_interactions.INTERACTIONS, {"service_tier": "priority"}, "priority"),
        (anthropic_messages.MESSAGES, {"usage": {"service_tier": "standard", "speed": "fast"}}, "fast"),
        (anthropic_messages.MESSAGES, {"usage": {"service_tier": "priority", "speed": "standard"}}, "priority"),
        (anthropic_messages.MESSAGES, {"usage": {"service_tier": "batch"}}, "batch"),
        (bedrock_converse.CONVERSE, {"serviceTier": {"type": "flex"}}, "flex"),
        (openai_chat.CHAT, {"service_tier": "flex"}, "flex"),
        (openai_responses.RESPONSES, {"service_tier": "priority"}, "priority"),
    ],
)
def test_tier_that_a_response_states(wire_format: Format, stated: Any, tier: str | None) -> None:
    assert body(wire_format, stated).service_tier == tier


def test_fast_mode_in_a_stream_is_stated_once() -> None:
    start = {"type": "message_start", "message": {"usage": {"input_tokens": 3, "speed": "fast"}}}
    end = {"type": "message_delta", "usage": {"output_tokens": 5, "service_tier": "standard"}}
    assert stream(anthropic_messages.MESSAGES, start, end).service_tier == "fast"


def test_gemini_blocked_prompt_ends_by_its_block() -> None:
    facts = body(gemini.GENERATE, {"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}})
    assert facts.finish_reasons == {0: "PROHIBITED_CONTENT"}
    assert body(gemini.GENERATE, {"promptFeedback": {"blockReason": 1}}).finish_reasons == {0: "SAFETY"}


def test_gemini_array_body_is_a_stream_read_at_once() -> None:
    first = {"candidates": [{"content": {"parts": [{"text": "a", "thought": True}]}}], "responseId": "r"}
    last = {"candidates": [{"finishReason": "STOP"}], "usageMetadata": {"promptTokenCount": 1}}
    facts = body(gemini.GENERATE, [first, last])
    assert (facts.response_id, facts.finish_reasons, facts.text) == ("r", {0: "STOP"}, False)
    assert facts.usage == Usage(input=1)
    assert body(gemini.GENERATE, [{"error": {"code": 429, "status": "RESOURCE_EXHAUSTED"}}]).error_code == "429"


def test_gemini_tools_and_text() -> None:
    parts = [{"functionCall": {"name": "weather", "args": {}}}, {"text": "hi"}]
    facts = body(gemini.GENERATE, {"candidates": [{"content": {"parts": parts}, "finishReason": "STOP"}]})
    assert facts.tools_called == {"weather"}
    assert facts.text is True


def test_gemini_request() -> None:
    tools = [{"functionDeclarations": [{"name": "weather"}]}, {"googleSearch": {}}]
    config = {"maxOutputTokens": 9, "topK": 3, "stopSequences": ["x"], "responseMimeType": "application/json"}
    found = gemini.GENERATE.request({"generationConfig": config, "tools": tools})
    assert (found.max_tokens, found.top_k, found.stop_sequences, found.output_type) == (9, 3, ["x"], "json")
    assert found.tools == {"weather"}


def test_vertex_embeddings_add_up_their_texts() -> None:
    rows = [{"embeddings": {"statistics": {"token_count": count}}} for count in (3, 4)]
    assert body(gemini_embeddings.EMBED, {"predictions": rows}).usage == Usage(input=7)
    assert body(gemini_embeddings.EMBED, {"predictions": [{"embeddings": {"values": [0.1]}}]}).usage is None


def test_interaction_that_failed() -> None:
    events = {"event_type": "error", "error": {"code": "internal", "message": "x"}}
    facts = stream(gemini_interactions.INTERACTIONS, {"event_type": "interaction.created"}, events)
    assert (facts.failed(), facts.complete, facts.error_code) == (True, True, "internal")


# -------------------------------------------------------------------------------------------------- Bedrock


@pytest.mark.parametrize(
    ("stated", "wanted"),
    [
        ({"inputTokens": 10, "outputTokens": 5, "totalTokens": 15, "cacheReadInputTokens": 4}, 10),
        ({"inputTokens": 10, "outputTokens": 5, "totalTokens": 22, "cacheReadInputTokens": 7}, 17),
        ({"inputTokens": 3, "outputTokens": 5, "cacheReadInputTokens": 90, "cacheWriteInputTokens": 1}, 94),
        ({"inputTokens": 10, "outputTokens": 5, "cacheReadInputTokenCount": 2}, 10),
    ],
)
def test_converse_input_includes_cached_tokens(stated: dict[str, int], wanted: int) -> None:
    for facts in (
        body(bedrock_converse.CONVERSE, {"usage": stated}),
        stream(bedrock_converse.CONVERSE, {"metadata": {"usage": stated}}),
    ):
        assert facts.usage is not None
        assert (facts.usage.input, facts.usage.output) == (wanted, 5)
        assert wanted >= (facts.usage.cache_read or 0) + (facts.usage.cache_write or 0)


def test_converse_splits_cache_writes_by_lifetime() -> None:
    usage: dict[str, Any] = {"inputTokens": 10, "outputTokens": 5, "totalTokens": 165, "cacheWriteInputTokens": 150}
    usage["cacheDetails"] = [{"ttl": "1h", "inputTokens": 100}, {"ttl": "5m", "inputTokens": 50}]
    wanted = Usage(input=160, output=5, cache_write=150, cache_write_1h=100)
    assert body(bedrock_converse.CONVERSE, {"usage": usage}).usage == wanted
    assert stream(bedrock_converse.CONVERSE, {"metadata": {"usage": usage}}).usage == wanted


def test_converse_exception_in_a_stream() -> None:
    facts = stream(
        bedrock_converse.CONVERSE,
        {"messageStart": {"role": "assistant"}},
        {"modelStreamErrorException": {"message": "broken", "originalStatusCode": 424}},
    )
    assert (facts.error_type, facts.error_message, facts.complete) == ("modelStreamErrorException", "broken", False)
    facts = stream(bedrock_converse.CONVERSE, {"error": {"code": "InternalFailure", "message": "x"}})
    assert facts.error_type == "InternalFailure"


def test_bedrock_error_type_is_in_a_header_or_the_body() -> None:
    facts = Facts()
    bedrock_converse.CONVERSE.headers({"x-amzn-errortype": "ThrottlingException:http://internal/"}, facts)
    bedrock_converse.CONVERSE.body(b'{"message":"Too many requests"}', facts)
    assert (facts.error_type, facts.error_message) == ("ThrottlingException", "Too many requests")
    facts = body(bedrock_invoke.INVOKE, {"__type": "com.amazon#AccessDeniedException", "message": "no"})
    assert facts.error_type == "AccessDeniedException"


def test_converse_tools() -> None:
    facts = stream(
        bedrock_converse.CONVERSE,
        {"contentBlockStart": {"start": {"toolUse": {"toolUseId": "1", "name": "weather"}}}},
        {"contentBlockDelta": {"delta": {"toolUse": {"input": "{}"}}}},
        {"messageStop": {"stopReason": "tool_use"}},
    )
    assert (facts.tools_called, facts.finish_reasons, facts.complete) == ({"weather"}, {0: "tool_use"}, True)


def chunk(document: Any) -> Any:
    return {"chunk": {"bytes": base64.b64encode(json.dumps(document).encode()).decode()}}


METRICS = {"inputTokenCount": 20, "outputTokenCount": 9}


@pytest.mark.parametrize(
    ("documents", "finish", "usage"),
    [
        ([{"outputs": [{"text": "a", "stop_reason": "stop"}]}], "stop", Usage(input=20, output=9)),
        ([{"choices": [{"index": 0, "message": {"content": "a"}, "stop_reason": "length"}]}], "length", None),
        ([{"choices": [{"text": "a", "stop_reason": "stop"}]}], "stop", Usage(input=20, output=9)),
        ([{"generation": "a", "prompt_token_count": 3, "generation_token_count": 1}], None, Usage(input=3, output=1)),
        ([{"event_type": "stream-end", "is_finished": True, "finish_reason": "COMPLETE"}], "COMPLETE", None),
        (
            [{"contentBlockDelta": {"delta": {"text": "a"}}}, {"messageStop": {"stopReason": "end_turn"}}],
            "end_turn",
            None,
        ),
    ],
)
def test_invoke_stream_by_family(documents: list[Any], finish: str | None, usage: Usage | None) -> None:
    last = {**documents[-1], "amazon-bedrock-invocationMetrics": METRICS}
    for wrapped in (True, False):  # the wire's events; what botocore gives
        rows = [*documents[:-1], last]
        facts = stream(bedrock_invoke.INVOKE, *(chunk(row) if wrapped else row for row in rows))
        assert facts.finish_reasons == ({0: finish} if finish else {})
        assert facts.usage == (usage or Usage(input=20, output=9))
        assert facts.complete


def test_invoke_body_wins_over_headers() -> None:
    facts = Facts()
    counts = {"x-amzn-bedrock-input-token-count": "99", "x-amzn-bedrock-output-token-count": "98"}
    bedrock_invoke.INVOKE.headers(counts, facts)
    assert facts.usage == Usage(input=99, output=98)
    bedrock_invoke.INVOKE.body(b'{"inputTextTokenCount":5,"results":[{"tokenCount":7}]}', facts)
    assert facts.usage == Usage(input=5, output=7)


def test_invoke_embeddings() -> None:
    wire_format = bedrock_invoke.invoke_format("amazon.titan-embed-text-v2:0")
    found = wire_format.request({"inputText": "x", "dimensions": 256})
    assert (found.operation, found.dimensions) == ("embeddings", 256)
    assert body(wire_format, {"embedding": [0.1], "inputTextTokenCount": 4}).usage == Usage(input=4)


def test_invoke_chunk_that_is_no_base64() -> None:
    assert stream(bedrock_invoke.INVOKE, {"chunk": {"bytes": "!"}}).undecodable == "syntax"


# --------------------------------------------------------------------------------------------------- Cohere


def test_cohere_billed_units_win() -> None:
    billed, seen = {"input_tokens": 12.0, "output_tokens": 65}, {"input_tokens": 212, "output_tokens": 66}
    usage = {"billed_units": billed, "tokens": seen, "cached_tokens": 208}
    assert body(cohere.CHAT_V2, {"usage": usage}).usage == Usage(input=12, output=65)
    usage = {"billed_units": {"search_units": 1}, "tokens": seen, "cached_tokens": 208}
    assert body(cohere.CHAT_V2, {"usage": usage}).usage == Usage(input=212, output=66, cache_read=208)


def test_cohere_error_in_a_stream() -> None:
    end = {"type": "message-end", "delta": {"finish_reason": "ERROR", "error": "no more"}}
    facts = stream(cohere.CHAT_V2, {"type": "message-start", "id": "x"}, end)
    assert (facts.failed(), facts.complete, facts.finish_reasons) == (True, True, {0: "ERROR"})


def test_cohere_tools_of_both_versions() -> None:
    calls = {"tool_calls": [{"id": "1", "function": {"name": "weather", "arguments": "{}"}}]}
    assert body(cohere.CHAT_V2, {"message": calls}).tools_called == {"weather"}
    assert body(cohere.CHAT_V1, {"tool_calls": [{"name": "weather", "parameters": {}}]}).tools_called == {"weather"}
    start = {"type": "tool-call-start", "delta": {"message": {"tool_calls": {"function": {"name": "weather"}}}}}
    assert stream(cohere.CHAT_V2, start).tools_called == {"weather"}


def test_cohere_embeddings() -> None:
    facts = body(cohere.EMBED, {"id": "e", "meta": {"billed_units": {"input_tokens": 5}}, "embeddings": {"float": []}})
    assert (facts.response_id, facts.usage) == ("e", Usage(input=5))


def test_rerank_of_each_speaker() -> None:
    assert body(rerank.RERANK, {"meta": {"billed_units": {"search_units": 1}}, "results": []}).usage is None
    assert body(rerank.RERANK, {"usage": {"total_tokens": 43}, "model": "m"}).usage == Usage(input=43)
    assert body(rerank.RERANK, {"detail": "no such model"}).failed()


# --------------------------------------------------------------------------------------------------- others


def test_ollama_without_prompt_count_and_with_an_error_line() -> None:
    facts = stream(ollama.CHAT, {"message": {"content": "a"}, "done": False}, {"done": True, "eval_count": 3})
    assert (facts.usage, facts.complete, facts.text) == (Usage(output=3), True, True)
    facts = stream(ollama.CHAT, {"message": {"content": "a"}, "done": False}, {"error": "out of memory"})
    assert (facts.failed(), facts.complete) == (True, True)


def test_ollama_streams_unless_told_not_to() -> None:
    assert ollama.CHAT.request({"model": "m"}).stream
    assert not ollama.CHAT.request({"model": "m", "stream": False}).stream
    assert not ollama.EMBED.request({"model": "m"}).stream


def test_huggingface_stream_and_embeddings() -> None:
    last = {
        "token": {"text": "</s>", "special": True},
        "generated_text": "ab",
        "details": {"finish_reason": "eos_token", "generated_tokens": 2, "input_length": 7},
    }
    facts = stream(huggingface.GENERATION, {"token": {"text": "ab"}, "generated_text": None}, last)
    assert (facts.usage, facts.finish_reasons, facts.complete) == (Usage(input=7, output=2), {0: "eos_token"}, True)
    assert body(huggingface.FEATURES, [[0.1, 0.2]]).usage is None
    assert (
        stream(huggingface.GENERATION, {"error": "overloaded", "error_type": "overloaded"}).error_type == "overloaded"
    )


def test_watsonx_input_is_stated_once() -> None:
    facts = stream(
        watsonx.GENERATION,
        {"results": [{"input_token_count": 8, "generated_token_count": 0, "stop_reason": "not_finished"}]},
        {"results": [{"input_token_count": 0, "generated_token_count": 5, "stop_reason": "eos_token"}]},
    )
    assert (facts.usage, facts.complete) == (Usage(input=8, output=5), True)
    assert watsonx.CHAT.request({"model_id": "ibm/granite"}).model == "ibm/granite"
    assert body(watsonx.GENERATION, {"errors": [{"code": "model_not_supported", "message": "x"}]}).failed()
    assert body(watsonx.EMBEDDINGS, {"results": [{"embedding": [1]}], "input_token_count": 6}).usage == Usage(input=6)


def test_writer_spells_its_details_its_own_way() -> None:
    usage = {"prompt_tokens": 9, "completion_tokens": 5, "prompt_token_details": {"cached_tokens": 4}}
    assert body(openai_chat.CHAT, {"usage": usage}).usage == Usage(input=9, output=5, cache_read=4)
    assert stream(writer.COMPLETIONS, {"value": ""}, {"value": "a"}).text is True


def test_replicate_states_tokens_in_its_metrics() -> None:
    metrics = {"input_token_count": 3, "output_token_count": 4}
    facts = body(replicate.PREDICTIONS, {"id": "p", "status": "succeeded", "output": ["a"], "metrics": metrics})
    assert (facts.usage, facts.finish_reasons, facts.text) == (Usage(input=3, output=4), {0: "succeeded"}, True)
    assert body(replicate.PREDICTIONS, {"status": "failed", "error": "out of memory"}).failed()


# ------------------------------------------------------------------------------------ OpenAI-compatible oddities


def test_openai_compatible_oddities() -> None:
    facts = stream(
        openai_chat.CHAT,
        {"choices": None, "usage": None},
        {"choices": [{"delta": {"content": "a"}}], "usage": {"prompt_tokens": "12", "completion_tokens": 1}},
        {
            "choices": [{"delta": None, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 12, "completion_tokens": "2"},
        },
        {"choices": []},
    )
    assert (facts.usage, facts.finish_reasons, facts.chunks) == (Usage(input=12, output=2), {0: "stop"}, 4)
    assert body(openai_chat.CHAT, {"error": "plain text"}).error_message == "plain text"
    google = {"error": {"code": 429, "message": "Quota exceeded", "status": "RESOURCE_EXHAUSTED"}}
    assert body(openai_chat.CHAT, [google]).error_code == "429"  # Gemini under its OpenAI-compatible path
