"""boto3 and aiobotocore: the four inference operations of Bedrock."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib import import_module
from typing import Any

from tests.clients.operations import answers
from tests.clients.operations.answers import Answer
from tests.clients.operations.operation import ASK, Operation

NOVA, CLAUDE = "amazon.nova-lite-v1:0", "anthropic.claude-sonnet-4-5-20250929-v1:0"
SAID: Any = {"modelId": NOVA, "messages": [{"role": "user", "content": [{"text": "x"}]}]}
BODY = json.dumps({"anthropic_version": "bedrock-2023-05-31", "max_tokens": 64, "messages": ASK})
INVOKED: Any = {"modelId": CLAUDE, "body": BODY}
KEYS: Any = {"region_name": "us-east-1", "aws_access_key_id": "a", "aws_secret_access_key": "b"}


def boto3(url: str) -> Any:
    return import_module("boto3").client("bedrock-runtime", endpoint_url=url, **KEYS)


class Aio:
    """aiobotocore makes its client on entering a context manager: here around each call."""

    def __init__(self, url: str) -> None:
        session = import_module("aiobotocore.session").get_session()
        self._manager = session.create_client("bedrock-runtime", endpoint_url=url, **KEYS)

    def __getattr__(self, operation: str) -> Any:
        async def call(**asked: Any) -> Any:
            async with self._manager as client:
                answer = await getattr(client, operation)(**asked)
                body = answer.get("stream") or answer.get("body")
                if hasattr(body, "read"):
                    await body.read()
                elif body is not None:
                    return [event async for event in body]
                return answer

        return call


def _read(answer: Any) -> Any:
    """A stream's events, or the answer with its body read."""
    if not isinstance(answer, dict):  # aiobotocore's coroutine, which has read it
        return answer
    body = answer.get("stream") or answer.get("body")
    return body.read() if hasattr(body, "read") else list(body) if body is not None else answer


CALLS: dict[str, tuple[Callable[[Any], Any], Answer, bool]] = {
    "converse": (lambda c: _read(c.converse(**SAID)), answers.CONVERSED, False),
    "converse_stream": (lambda c: _read(c.converse_stream(**SAID)), answers.CONVERSED_STREAM, True),
    "invoke_model": (lambda c: _read(c.invoke_model(**INVOKED)), answers.MESSAGE, False),
    "invoke_model_with_response_stream": (
        lambda c: _read(c.invoke_model_with_response_stream(**INVOKED)), answers.INVOKED_STREAM, True,
    ),
}  # fmt: skip

OPERATIONS = tuple(
    Operation(
        sdk=sdk, client=client, name=name, provider="aws.bedrock", model=NOVA if "converse" in name else CLAUDE,
        sync=sync, asynchronous=asynchronous, call=call, answer=answer, stream=stream,
    )
    for sdk, client, sync, asynchronous in (
        ("boto3", "botocore", boto3, None),
        ("aiobotocore", "aiobotocore", None, Aio),
    )
    for name, (call, answer, stream) in CALLS.items()
)  # fmt: skip
