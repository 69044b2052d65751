from __future__ import annotations

from typing import Any

from aiobotocore.config import AioConfig
from aiobotocore.session import get_session

from tests.behaviour.row import KEY, PROMPT, AsyncHeld, Row

NOVA = "amazon.nova-lite-v1:0"
SAID: Any = [{"role": "user", "content": [{"text": PROMPT}]}]


class Client(AsyncHeld):
    """aiobotocore makes its client on entering a context manager."""

    def __init__(self, url: str) -> None:
        super().__init__(None)
        settings = AioConfig(retries={"total_max_attempts": 3, "mode": "standard"}, read_timeout=5)
        self._manager = get_session().create_client(
            "bedrock-runtime", region_name="us-east-1", endpoint_url=url, aws_access_key_id=KEY,
            aws_secret_access_key=KEY, config=settings,
        )  # fmt: skip

    async def _enter(self) -> Any:
        if self.sdk is None:
            self.sdk = await self._manager.__aenter__()
        return self.sdk

    async def plain(self) -> Any:
        return await (await self._enter()).converse(modelId=NOVA, messages=SAID)

    async def stream(self) -> Any:
        return (await (await self._enter()).converse_stream(modelId=NOVA, messages=SAID))["stream"]

    async def close(self) -> None:
        if self.sdk is not None:
            await self._manager.__aexit__(None, None, None)


ROWS = (
    Row(
        name="aiobotocore-converse",
        client="aiobotocore",
        provider="aws.bedrock",
        model=NOVA,
        asynchronous=Client,
        plain=lambda c: c.plain(),
        stream=lambda c: c.stream(),
        states_model=False,
        closes_on_drop=False,
    ),
)
