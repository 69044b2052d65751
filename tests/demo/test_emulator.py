"""The emulator against the bare SDKs: what real clients make of its wire formats."""

from __future__ import annotations

import threading
import time

import anthropic
import httpx
import openai
import pytest

from otel_llm import catalog
from otel_llm.demo.emulator import Emulator, Limit, Received, Reply, Tool, Usage

ASK = [{"role": "user", "content": "hi"}]
USED = Usage(input=100, cache_read=40, cache_write=8, output=20, reasoning=5)


def chat(client: openai.OpenAI, **fields):
    return client.chat.completions.create(**{"model": "gpt-4o", "messages": ASK, **fields})


def message(client: anthropic.Anthropic, **fields):
    return client.messages.create(**{"model": "claude-x", "max_tokens": 9, "messages": ASK, **fields})


def test_chat_answers_what_the_reply_says(emulator, openai_client):
    emulator.reply(Reply.chat("Good day", usage=USED, model="gpt-4o-2024-08-06", finish="length"))
    answer = chat(openai_client, n=2)
    assert [choice.message.content for choice in answer.choices] == ["Good day", "Good day"]
    assert answer.model == "gpt-4o-2024-08-06"
    assert answer.choices[0].finish_reason == "length"
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (148, 25)
    assert answer.usage.prompt_tokens_details.cached_tokens == 40
    assert answer.usage.completion_tokens_details.reasoning_tokens == 5


def test_chat_stream_has_the_given_pieces_and_usage_only_if_asked(emulator, openai_client):
    emulator.reply(*[Reply.stream("Go", "od ", "day", usage=USED)] * 2)
    plain = list(chat(openai_client, stream=True))
    assert [c.choices[0].delta.content for c in plain if c.choices[0].delta.content] == ["Go", "od ", "day"]
    assert all(chunk.usage is None for chunk in plain)
    told = list(chat(openai_client, stream=True, stream_options={"include_usage": True}))
    assert told[-1].usage.total_tokens == 173
    assert told[-1].choices == []


def test_chat_stream_helper_and_parse(emulator, openai_client):
    with openai_client.chat.completions.stream(model="gpt-4o", messages=ASK) as stream:
        stream.until_done()
        assert stream.get_final_completion().choices[0].message.content == "Hello from the emulator."


@pytest.mark.parametrize("stream", [False, True])
def test_chat_tools_may_have_arguments_that_are_no_json(emulator, openai_client, stream):
    emulator.reply(Reply(tools=(Tool("look", '{"a": 1}'), Tool("find", '{"a": ')), finish="tool_call"))
    answer = chat(openai_client, stream=stream)
    if stream:
        found: dict[int, str] = {}
        for chunk in answer:
            for call in chunk.choices[0].delta.tool_calls or ():
                found[call.index] = found.get(call.index, "") + call.function.arguments
        assert list(found.values()) == ['{"a": 1}', '{"a": ']
    else:
        calls = answer.choices[0].message.tool_calls
        assert [(call.function.name, call.function.arguments) for call in calls] == [
            ("look", '{"a": 1}'),
            ("find", '{"a": '),
        ]
        assert answer.choices[0].finish_reason == "tool_calls"


def test_refusals(emulator, openai_client, anthropic_client):
    emulator.reply(*[Reply.chat("I can't", refusal=True)] * 3)
    assert chat(openai_client).choices[0].message.refusal == "I can't"
    answer = openai_client.responses.create(model="gpt-4o", input="x")
    assert answer.output[0].content[0].refusal == "I can't"
    assert message(anthropic_client).stop_reason == "refusal"


def test_legacy_completions(emulator, openai_client):
    assert openai_client.completions.create(model="m", prompt="x").choices[0].text == "Hello from the emulator."
    parts = openai_client.completions.create(model="m", prompt="x", stream=True)
    assert "".join(part.choices[0].text for part in parts) == "Hello from the emulator."


def test_embeddings_as_base64_and_as_numbers(emulator, openai_client):
    short = openai_client.embeddings.create(model="m", input=["a", "b"], dimensions=2)
    assert [row.embedding for row in short.data] == [[0.5, 0.25]] * 2
    assert short.usage.total_tokens == 11
    plain = openai_client.embeddings.create(model="m", input="a", encoding_format="float")
    assert plain.data[0].embedding[:2] == [0.5, 0.25]


def test_responses(emulator, openai_client):
    emulator.reply(Reply.chat("Good day", usage=USED), Reply.chat("Good", finish="length"))
    answer = openai_client.responses.create(model="gpt-4o", input="x")
    assert (answer.output_text, answer.status) == ("Good day", "completed")
    assert (answer.usage.input_tokens, answer.usage.output_tokens_details.reasoning_tokens) == (148, 5)
    cut = openai_client.responses.create(model="gpt-4o", input="x")
    assert (cut.status, cut.incomplete_details.reason) == ("incomplete", "max_output_tokens")


def test_responses_stream_helper_assembles_text_and_calls(emulator, openai_client):
    emulator.reply(Reply.stream("Good ", "day", tools=(Tool("look", '{"a": 1}'),)))
    with openai_client.responses.stream(model="gpt-4o", input="x") as stream:
        final = stream.until_done().get_final_response()
    assert final.output_text == "Good day"
    assert final.output[1].arguments == '{"a": 1}'


def test_messages(emulator, anthropic_client):
    emulator.reply(Reply.chat("Good day", usage=USED, finish="length"), Reply(tools=(Tool("look", '{"a": 1}'),)))
    answer = message(anthropic_client)
    assert (answer.content[0].text, answer.stop_reason) == ("Good day", "max_tokens")
    assert (answer.usage.input_tokens, answer.usage.cache_read_input_tokens) == (100, 40)
    assert (answer.usage.cache_creation_input_tokens, answer.usage.output_tokens) == (8, 25)
    assert message(anthropic_client).content[0].input == {"a": 1}


def test_messages_stream_helper(emulator, anthropic_client):
    emulator.reply(Reply.stream("Good ", "day", usage=USED, tools=(Tool("look", '{"a": 1}'),), finish="tool_call"))
    with anthropic_client.messages.stream(model="claude-x", max_tokens=9, messages=ASK) as stream:
        assert list(stream.text_stream) == ["Good ", "day"]
        final = stream.get_final_message()
    assert final.content[1].input == {"a": 1}
    assert final.stop_reason == "tool_use"
    assert final.usage.output_tokens == 25


async def test_async_clients(emulator):
    async with openai.AsyncOpenAI(base_url=emulator.url + "/v1", api_key="k") as client:
        stream = await chat(client, stream=True)
        text = "".join([chunk.choices[0].delta.content or "" async for chunk in stream])
    async with anthropic.AsyncAnthropic(base_url=emulator.at("gzip"), api_key="k") as client:
        assert (await message(client)).content[0].text == text == "Hello from the emulator."


@pytest.mark.parametrize(
    ("fault", "kind", "code"),
    [
        ("auth", openai.AuthenticationError, "invalid_api_key"),
        ("bad_request", openai.BadRequestError, "decimal_above_max_value"),
        ("context_length", openai.BadRequestError, "context_length_exceeded"),
        ("content_filter", openai.BadRequestError, "content_filter"),
        ("not_found", openai.NotFoundError, "model_not_found"),
        ("rate_limit", openai.RateLimitError, "rate_limit_exceeded"),
        ("quota", openai.RateLimitError, "insufficient_quota"),
        ("provider", openai.InternalServerError, None),
        ("overloaded", openai.InternalServerError, None),
        (502, openai.InternalServerError, None),
    ],
)
def test_openai_errors_are_the_sdks_own_kinds(emulator, openai_client, fault, kind, code):
    emulator.reply(Reply.error(fault))
    with pytest.raises(kind) as caught:
        chat(openai_client.with_options(max_retries=0))
    assert caught.value.code == code
    assert caught.value.request_id


@pytest.mark.parametrize(
    ("fault", "status", "kind"),
    [
        ("auth", 401, "authentication_error"),
        ("not_found", 404, "not_found_error"),
        ("rate_limit", 429, "rate_limit_error"),
        ("quota", 400, "invalid_request_error"),
        ("provider", 500, "api_error"),
        ("overloaded", 529, "overloaded_error"),
    ],
)
def test_anthropic_errors(emulator, anthropic_client, fault, status, kind):
    emulator.reply(Reply.error(fault))
    with pytest.raises(anthropic.APIStatusError) as caught:
        message(anthropic_client.with_options(max_retries=0))
    assert caught.value.status_code == status
    assert caught.value.body["error"]["type"] == kind


def test_retries_obey_the_short_retry_after(emulator, openai_client):
    emulator.reply(Reply.error("rate_limit"), Reply.error(500))
    started = time.monotonic()
    assert chat(openai_client).choices[0].message.content
    assert time.monotonic() - started < 0.5
    assert [asked.retry for asked in emulator.requests] == [0, 1, 2]


def test_rate_limit_headers(emulator, openai_client, anthropic_client):
    limits = {"requests": Limit(500, 3), "input_tokens": Limit(40_000, 900)}
    emulator.reply(*[Reply(limits=limits)] * 2)
    told = openai_client.chat.completions.with_raw_response.create(model="m", messages=ASK).headers
    assert (told["x-ratelimit-limit-requests"], told["x-ratelimit-remaining-requests"]) == ("500", "3")
    assert "x-ratelimit-limit-tokens" not in told
    told = anthropic_client.messages.with_raw_response.create(model="m", max_tokens=1, messages=ASK).headers
    assert told["anthropic-ratelimit-input-tokens-remaining"] == "900"
    assert told["request-id"]


def test_error_inside_a_stream(emulator, openai_client, anthropic_client):
    emulator.reply(*[Reply.error("overloaded", after=2)] * 3)
    with pytest.raises(openai.APIError, match="overloaded"):
        list(chat(openai_client, stream=True))
    with pytest.raises(anthropic.APIStatusError, match="Overloaded"):
        list(message(anthropic_client, stream=True))
    events = list(openai_client.responses.create(model="m", input="x", stream=True))
    assert events[-1].type == "response.failed"
    assert sum(event.type == "response.output_text.delta" for event in events) == 2


def test_cut_connections(emulator, openai_client, anthropic_client):
    emulator.reply(Reply.broken("cut"))
    with pytest.raises(openai.APIConnectionError):
        chat(openai_client.with_options(max_retries=0))
    emulator.reply(Reply.broken("cut", after=2), Reply.broken("cut", after=1))
    seen = []
    with pytest.raises(openai.APIConnectionError):
        seen.extend(chat(openai_client, stream=True))
    assert [chunk.choices[0].delta.content for chunk in seen] == ["", "Hello ", "from "]
    with pytest.raises(anthropic.APIConnectionError):
        message(anthropic_client.with_options(max_retries=0))


def test_stalls_end_when_the_client_gives_up(emulator, openai_client):
    emulator.reply(Reply.broken("stall"))
    with pytest.raises(openai.APITimeoutError):
        chat(openai_client.with_options(max_retries=0, timeout=0.1))
    emulator.wait(lambda requests: requests[-1].ended == "left")


def test_a_stream_that_the_client_leaves_is_seen(emulator, openai_client):
    emulator.reply(Reply.broken("stall", after=2, outcome="abandoned"))
    stream = chat(openai_client, stream=True)
    next(iter(stream))
    stream.close()
    emulator.wait(lambda requests: requests[-1].ended == "left")


def test_delays(emulator, openai_client):
    emulator.reply(Reply.stream("a", "b", "c", delay=0.05, first_delay=0.1, chunk_delay=0.05))
    started = time.monotonic()
    list(chat(openai_client, stream=True))
    assert time.monotonic() - started >= 0.25


@pytest.mark.parametrize("mode", ["gzip", "split1", "gzip+split3"])
def test_torn_and_compressed_streams_read_the_same(emulator, mode):
    with openai.OpenAI(base_url=emulator.at(mode) + "/v1", api_key="k") as client:
        text = "".join(chunk.choices[0].delta.content or "" for chunk in chat(client, stream=True))
    assert text == "Hello from the emulator."


def test_gzip_only_for_those_who_accept_it(emulator):
    body = {"model": "m", "messages": ASK}
    plain = httpx.post(emulator.at("gzip") + "/v1/chat/completions", json=body, headers={"accept-encoding": "identity"})
    packed = httpx.post(emulator.at("gzip") + "/v1/chat/completions", json=body)
    assert "content-encoding" not in plain.headers
    assert packed.headers["content-encoding"] == "gzip"
    assert plain.json()["choices"] == packed.json()["choices"]


def test_modes_in_the_path(emulator):
    with openai.OpenAI(base_url=emulator.at("fail2x503+length") + "/v1", api_key="k", max_retries=2) as client:
        assert chat(client).choices[0].finish_reason == "length"
        assert chat(client).choices[0].finish_reason == "length"
    assert [asked.retry for asked in emulator.requests] == [0, 1, 2, 0]
    with openai.OpenAI(base_url=emulator.at("fail1xquota"), api_key="k", max_retries=0) as client:
        with pytest.raises(openai.RateLimitError):
            chat(client)
        assert emulator.requests[-1].path == "/chat/completions"


@pytest.mark.parametrize("mode", ["fial2x500", "error-nope", "cut2x", "slow", "broken2-auth"])
def test_unknown_modes_are_named(emulator, mode):
    with pytest.raises(ValueError, match=mode.split("-")[-1]):
        emulator.at(mode)


def test_the_script_decides_and_the_queue_comes_first(emulator, openai_client):
    def script(asked: Received) -> Reply:
        return Reply.chat(f"{asked.model} {asked.number}")

    emulator.script = script
    emulator.reply(Reply.chat("queued"))
    assert [chat(openai_client).choices[0].message.content for _ in range(3)] == ["queued", "gpt-4o 1", "gpt-4o 2"]


def test_requests_are_kept_in_order(emulator, openai_client):
    chat(openai_client, extra_headers={"X-Mine": "1"}, extra_query={"a": "b"})
    openai_client.models.list()
    first, second = emulator.requests
    assert (first.path, first.query, first.headers["x-mine"]) == ("/v1/chat/completions", "a=b", "1")
    assert (first.body["messages"], first.ended, second.path) == (ASK, "sent", "/v1/models")
    emulator.clear()
    assert emulator.requests == []


def test_raw_bytes_and_unknown_paths(emulator):
    emulator.reply(Reply.raw("<html>oops", 502, "text/html"))
    told = httpx.post(emulator.url + "/v1/messages", json={})
    assert (told.status_code, told.text, told.headers["content-type"]) == (502, "<html>oops", "text/html")
    assert httpx.post(emulator.url + "/nowhere").status_code == 404


def test_azure_takes_its_model_from_the_path(emulator):
    with openai.AzureOpenAI(azure_endpoint=emulator.url, api_version="2024-10-21", api_key="k") as client:
        assert chat(client, model="my-deployment").model
    assert emulator.requests[0].path == "/openai/deployments/my-deployment/chat/completions"
    assert emulator.injected.total(catalog.CALLS, gen_ai_provider_name="azure.ai.openai") == 1


def test_many_clients_at_once(emulator):
    def work() -> None:
        with openai.OpenAI(base_url=emulator.url + "/v1", api_key="k") as client:
            for _ in range(10):
                chat(client)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert emulator.injected.total(catalog.CALLS) == 80
    assert sorted(asked.number for asked in emulator.requests) == list(range(80))


def test_stopping_ends_open_connections_and_the_thread():
    before = set(threading.enumerate())
    with Emulator() as emulator:
        emulator.reply(Reply.broken("stall"))
        client = openai.OpenAI(base_url=emulator.url + "/v1", api_key="k", max_retries=0, timeout=10)
        failures: list[Exception] = []

        def work() -> None:
            try:
                chat(client)
            except openai.APIConnectionError as error:
                failures.append(error)

        caller = threading.Thread(target=work)
        caller.start()
        emulator.wait(lambda requests: len(requests) == 1)
    caller.join(5)
    client.close()
    assert len(failures) == 1
    assert set(threading.enumerate()) <= before
    with pytest.raises(RuntimeError, match="not running"):
        _ = emulator.url


def test_anthropic_on_bedrock(emulator):
    emulator.reply(Reply.chat("Good day", usage=USED), Reply.error("rate_limit"))
    with anthropic.AnthropicBedrock(
        base_url=emulator.url, aws_region="eu-west-1", api_key="k", max_retries=0
    ) as client:
        answer = message(client, model="eu.anthropic.claude-x-v1:0")
        assert (answer.content[0].text, answer.usage.output_tokens) == ("Good day", 25)
        with pytest.raises(anthropic.RateLimitError):
            message(client)
    assert emulator.requests[0].model == "eu.anthropic.claude-x-v1:0"
    assert emulator.requests[0].path.endswith("/invoke")


def test_anthropic_on_bedrock_streams(emulator):
    pytest.importorskip("botocore", reason="the SDK reads AWS event streams with botocore")
    emulator.reply(Reply.stream("Good ", "day", usage=USED), Reply.error("rate_limit", after=1))
    with anthropic.AnthropicBedrock(
        base_url=emulator.url, aws_region="eu-west-1", api_key="k", max_retries=0
    ) as client:
        with client.messages.stream(model="m", max_tokens=9, messages=ASK) as stream:
            assert list(stream.text_stream) == ["Good ", "day"]
            assert stream.get_final_message().usage.output_tokens == 25
        with pytest.raises(anthropic.APIStatusError):
            list(message(client, stream=True))


def test_anthropic_on_vertex(emulator):
    pytest.importorskip("google.auth", reason="the SDK's Vertex client needs google-auth")
    with anthropic.AnthropicVertex(
        base_url=f"{emulator.url}/v1", region="r", project_id="p", access_token="k", max_retries=0
    ) as client:
        assert message(client).content[0].text == "Hello from the emulator."
        assert [event.type for event in message(client, stream=True)][-1] == "message_stop"
    assert [asked.model for asked in emulator.requests] == ["claude-x", "claude-x"]


def test_a_script_that_raises_is_told_at_the_end():
    def script(asked: Received) -> Reply:
        raise KeyError(asked.model)

    emulator = Emulator(script).__enter__()
    client = openai.OpenAI(base_url=emulator.url + "/v1", api_key="k", max_retries=0)
    with client, pytest.raises(openai.APIConnectionError):
        chat(client)
    with pytest.raises(RuntimeError, match="script") as caught:
        emulator.__exit__(None, None, None)
    assert isinstance(caught.value.__cause__, KeyError)
