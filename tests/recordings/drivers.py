"""The other SDKs' methods for each recorded API: what an app would call, with the recorded model and stream flag.

An SDK is driven where it is installed: the version matrix has an environment for each.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from tests.formats.recordings import Json
from tests.recordings.drive import METHODS, called

Drive = Callable[[str, Json, Json], None]
"""Calls an SDK at a URL with an exchange and its expected facts; reads a stream to its end."""

ASK: Any = [{"role": "user", "content": "Not recorded."}]
SAID: Any = [{"role": "user", "content": [{"text": "Not recorded."}]}]


def read(answer: Any, exchange: Json) -> None:
    if exchange["is_stream"]:
        for _ in answer:
            pass


def bedrock(url: str, exchange: Json, expected: Json) -> None:
    import boto3
    from botocore.config import Config

    client = boto3.client(
        "bedrock-runtime", region_name="us-east-1", endpoint_url=url, aws_access_key_id="a", aws_secret_access_key="b",
        config=Config(retries={"total_max_attempts": 1}),
    )  # fmt: skip
    model, streams = expected["request_model"], exchange["url"].endswith("stream")
    if exchange["api"] == "bedrock.converse":
        # The recorded parameters: their own names, as botocore has them.
        body = exchange["request_body"] or {"messages": SAID}
        answer = (client.converse_stream if streams else client.converse)(modelId=model, **body)
        read(answer["stream"] if streams else answer, exchange)
    else:
        recorded = exchange["request_body"]
        body = recorded if isinstance(recorded, str) else json.dumps(recorded)
        method = client.invoke_model_with_response_stream if streams else client.invoke_model
        answer = method(modelId=model, body=body)
        read(answer["body"], exchange) if streams else answer["body"].read()
    client.close()


def google(url: str, exchange: Json, expected: Json) -> None:
    from google import genai
    from google.oauth2.credentials import Credentials

    mode: Any = {"api_key": "k"}
    if exchange["provider"] == "google.vertex":
        mode = {"vertexai": True, "project": "p", "location": "l", "credentials": Credentials("token")}
    client = genai.Client(**mode, http_options={"base_url": url})
    model = expected["request_model"]
    if exchange["api"] == "gemini.interactions":
        read(client.interactions.create(model=model, input="x", stream=exchange["is_stream"]), exchange)
    elif exchange["api"] == "gemini.embed":
        client.models.embed_content(model=model, contents="x")
    elif expected["stream"]:
        read(client.models.generate_content_stream(model=model, contents="x"), exchange)
    else:
        client.models.generate_content(model=model, contents="x")


def mistral(url: str, exchange: Json, expected: Json) -> None:
    import importlib

    sdk: Any = importlib.import_module("mistralai.client")
    if not hasattr(sdk, "Mistral"):  # 1.x
        sdk = importlib.import_module("mistralai")
    with sdk.Mistral(api_key="k", server_url=url) as client:
        if exchange["api"] == "openai.embeddings":
            client.embeddings.create(model=expected["request_model"], inputs=["x"])
        else:
            method = client.chat.stream if exchange["is_stream"] else client.chat.complete
            read(method(model=expected["request_model"], messages=ASK), exchange)


def cohere(url: str, exchange: Json, expected: Json) -> None:
    import cohere as sdk

    second = "/v2/" in exchange["url"]
    client = (sdk.ClientV2 if second else sdk.Client)(api_key="k", base_url=url)
    model, asked = expected["request_model"], {"messages": ASK} if second else {"message": "x"}
    if exchange["api"] == "cohere.rerank":
        client.rerank(model=model, query="q", documents=["a", "b"])
    elif exchange["is_stream"]:
        read(client.chat_stream(model=model, **asked), exchange)
    else:
        client.chat(model=model, **asked)
    client._client_wrapper.httpx_client.httpx_client.close()


def ollama(url: str, exchange: Json, expected: Json) -> None:
    import ollama as sdk

    client, model, stream = sdk.Client(host=url), expected["request_model"], exchange["is_stream"]
    if exchange["api"] == "ollama.embed":
        client.embeddings(model=model, prompt="x")
    elif exchange["api"] == "ollama.generate":
        read(client.generate(model=model, prompt="x", stream=stream), exchange)
    else:
        read(client.chat(model=model, messages=ASK, stream=stream), exchange)
    client._client.close()


def huggingface(url: str, exchange: Json, _: Json) -> None:
    from huggingface_hub import InferenceClient

    InferenceClient(model=url, token="k").text_generation("x")


def groq(url: str, exchange: Json, expected: Json) -> None:
    import groq as sdk

    with sdk.Groq(api_key="k", base_url=url) as client:
        read(client.chat.completions.create(model=expected["request_model"], messages=ASK, stream=True), exchange)


def together(url: str, exchange: Json, expected: Json) -> None:
    import together as sdk

    model, stream = expected["request_model"], exchange["is_stream"]
    with sdk.Together(api_key="k", base_url=url + "/v1") as client:
        if exchange["api"] == "openai.completions":
            client.completions.create(model=model, prompt="x")
        else:
            read(client.chat.completions.create(model=model, messages=ASK, stream=stream), exchange)


def writer(url: str, exchange: Json, expected: Json) -> None:
    import writerai as sdk

    model, stream = expected["request_model"], exchange["is_stream"]
    with sdk.Writer(api_key="k", base_url=url) as client:
        if exchange["api"] == "writer.completions":
            read(client.completions.create(model=model, prompt="x", stream=stream), exchange)
        else:
            read(client.chat.chat(model=model, messages=ASK, stream=stream), exchange)


def compatible(url: str, exchange: Json, expected: Json) -> None:
    """A server or gateway that speaks OpenAI's API, by openai's SDK and its ``base_url``."""
    import openai as sdk

    with sdk.OpenAI(api_key="k", base_url=url + "/v1", max_retries=0) as client:
        if exchange["api"] == "openai.prompt_completions":
            client.post("/prompts/p/completions", cast_to=object, body=exchange["request_body"])
        else:
            read(called(METHODS[exchange["api"]](client), exchange["request_body"]), exchange)


DRIVERS: dict[str, tuple[str, Drive, str]] = {
    "aws.bedrock": ("boto3", bedrock, "aws.bedrock"),
    "google.gemini": ("google.genai", google, "gcp.gemini"),
    "google.vertex": ("google.genai", google, "gcp.vertex_ai"),
    "mistral": ("mistralai", mistral, "mistral_ai"),
    "cohere": ("cohere", cohere, "cohere"),
    "ollama": ("ollama", ollama, "ollama"),
    "huggingface": ("huggingface_hub", huggingface, "huggingface"),
    "groq": ("groq", groq, "groq"),
    "together": ("together", together, "together"),
    "writer": ("writerai", writer, "writer"),
    "deepseek": ("openai", compatible, "openai"),
    "vllm": ("openai", compatible, "openai"),
    "portkey": ("openai", compatible, "openai"),
    "pydantic.gateway": ("openai", compatible, "openai"),
    "openai.compatible": ("openai", compatible, "openai"),
}
"""Provider of the recordings: the SDK's import name, its driver, and the provider that the span states."""
