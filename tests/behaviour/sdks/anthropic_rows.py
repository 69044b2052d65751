from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import anthropic

from tests.behaviour.row import KEY, MESSAGE, Row, Word


def _anthropic(kind: type[Any]) -> Callable[[str], Any]:
    return lambda url: kind(base_url=url, api_key=KEY, timeout=5)


def _bedrock(kind: type[Any]) -> Callable[[str], Any]:
    return lambda url: kind(
        base_url=url, timeout=5, aws_region="eu-west-1", aws_access_key=KEY, aws_secret_key=KEY
    )  # fmt: skip


MESSAGES = (
    Row(
        name="anthropic-messages",
        client="anthropic",
        model="claude-opus-4-8",
        sync=_anthropic(anthropic.Anthropic),
        asynchronous=_anthropic(anthropic.AsyncAnthropic),
        plain=lambda c: c.messages.create(**MESSAGE),
        stream=lambda c: c.messages.create(**MESSAGE, stream=True),
        helper=lambda c: c.messages.stream(**MESSAGE),
        final=lambda stream: stream.get_final_message(),
        raw=lambda c: c.messages.with_raw_response.create(**MESSAGE),
        streaming=lambda c: c.messages.with_streaming_response.create(**MESSAGE),
        parse=(lambda c: c.messages.parse(**MESSAGE, output_format=Word))
        if hasattr(anthropic.resources.Messages, "parse")
        else None,
        early_tokens=(11, None),
    ),
)

BEDROCK = (
    replace(
        MESSAGES[0],
        name="anthropic-bedrock",
        provider="aws.bedrock",
        sync=_bedrock(anthropic.AnthropicBedrock),
        asynchronous=_bedrock(anthropic.AsyncAnthropicBedrock),
        parse=None,
    ),
)
"""The SDK rewrites these requests for Bedrock, on their way: other paths, another framing of streams."""

ROWS = MESSAGES + (BEDROCK if importlib.util.find_spec("boto3") else ())  # which signs the requests
