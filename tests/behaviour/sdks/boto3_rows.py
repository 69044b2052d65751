from __future__ import annotations

import json
from typing import Any

import boto3
from botocore.config import Config

from tests.behaviour.row import KEY, PROMPT, Row

CLAUDE, NOVA = "anthropic.claude-sonnet-4-5-20250929-v1:0", "amazon.nova-lite-v1:0"
SAID: Any = [{"role": "user", "content": [{"text": PROMPT}]}]
BODY = json.dumps({"anthropic_version": "bedrock-2023-05-31", "max_tokens": 64, "messages": SAID})


def client(url: str) -> Any:
    settings = Config(retries={"total_max_attempts": 3, "mode": "standard"}, read_timeout=5)
    return boto3.client(
        "bedrock-runtime", region_name="us-east-1", endpoint_url=url, aws_access_key_id=KEY, aws_secret_access_key=KEY,
        config=settings,
    )  # fmt: skip


def invoked(answer: Any) -> Any:
    """The whole answer, its body read."""
    return {**answer, "body": [type(answer["body"]), json.load(answer["body"])]}


ROWS = (
    Row(
        name="bedrock-converse",
        client="botocore",
        provider="aws.bedrock",
        model=NOVA,
        sync=client,
        plain=lambda c: c.converse(modelId=NOVA, messages=SAID),
        stream=lambda c: c.converse_stream(modelId=NOVA, messages=SAID)["stream"],
        states_model=False,
        closes_on_drop=False,
    ),
    Row(
        name="bedrock-invoke",
        client="botocore",
        provider="aws.bedrock",
        model=CLAUDE,
        sync=client,
        plain=lambda c: invoked(c.invoke_model(modelId=CLAUDE, body=BODY)),
        stream=lambda c: c.invoke_model_with_response_stream(modelId=CLAUDE, body=BODY)["body"],
        early_tokens=(11, None),
        closes_on_drop=False,
    ),
)
