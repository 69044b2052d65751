"""Client seam of huggingface_hub: ``_inner_post`` of both inference clients, for the tasks that are LLM calls.

The URL may say nothing (a model's own), so the task names the format where the path does not. It sends at once, streams
included. Facts: huggingface_hub 0.36 (requests, aiohttp), 1.33 (httpx), 2.4 (httpx2).
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

import msgspec

from otel_llm import opening
from otel_llm.call import Call
from otel_llm.clients import seam
from otel_llm.formats.reading import mapping, text
from otel_llm.formats.table import TASKS, Recognised, recognise
from otel_llm.guard import guarded
from otel_llm.patching import Patches
from otel_llm.wires.address import address

NO_MODEL = "dummy"
"""What chat requests to a model's own URL state as their model."""


class HuggingFace(msgspec.Struct, frozen=True, kw_only=True):
    package: str
    """Distribution; ``client`` on our spans."""
    module: str
    owner: str
    """The client class in it."""
    asynchronous: bool = False

    def patch(self, module: ModuleType, patches: Patches) -> None:
        """Wraps the request function."""
        around = seam.coroutine if self.asynchronous else seam.plain
        patches.wrap(getattr(module, self.owner), "_inner_post", around(self.open))

    @guarded("client.open")
    def open(self, _: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Call | None:
        """The call of ``_inner_post(request_parameters, *, stream)``, or ``None``: images and audio are none."""
        active = seam.admitted()
        asked = args[0] if args else kwargs["request_parameters"]
        if active is None or asked.task not in TASKS:
            return None
        found = recognise(asked.url) or Recognised(TASKS[asked.task])
        body = dict(mapping(asked.json))
        model = text(asked.model)
        if body.get("model") in (None, NO_MODEL):
            body["model"] = None if model and "://" in model else model
        where = address(asked.url)
        return opening.open_call(
            active, found, body, client=self.package, provider="huggingface", host=where.host, port=where.port,
            stream=bool(kwargs.get("stream")),
        )  # fmt: skip
