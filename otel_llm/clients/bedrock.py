"""Client seam of botocore and aiobotocore: ``_make_api_call`` of the client class, for Bedrock's inference operations.

It runs the retries inside. The bytes pass the wire seam of the HTTP library beneath (``botocore_wire``,
``aiohttp_wire``), so the ``EventStream`` and ``StreamingBody`` that the user gets are untouched. Facts: botocore 1.35
to 1.44, aiobotocore 3.10, whose class overrides the method and is patched for itself.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any, Final

import msgspec

from otel_llm import opening
from otel_llm.call import Call
from otel_llm.clients import seam
from otel_llm.formats.reading import mapping
from otel_llm.formats.table import Recognised, recognise
from otel_llm.guard import guarded
from otel_llm.patching import Patches
from otel_llm.wires.address import address
from otel_llm.wires.recognition import json_object

OPERATIONS: Final = {
    "Converse": "converse",
    "ConverseStream": "converse-stream",
    "InvokeModel": "invoke",
    "InvokeModelWithResponseStream": "invoke-with-response-stream",
}
"""Operations of ``bedrock-runtime`` that are LLM calls, and the last segment of their path."""


class BedrockClient(msgspec.Struct, frozen=True, kw_only=True):
    package: str
    """Distribution; ``client`` on our spans."""
    module: str
    owner: str
    """The client class in it."""
    asynchronous: bool = False

    def patch(self, module: ModuleType, patches: Patches) -> None:
        """Wraps the API call."""
        around = seam.coroutine if self.asynchronous else seam.plain
        patches.wrap(getattr(module, self.owner), "_make_api_call", around(self.open))

    @guarded("client.open")
    def open(self, client: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Call | None:
        """The call of ``_make_api_call(operation_name, api_params)``, or ``None``."""
        operation = args[0] if args else kwargs["operation_name"]
        if operation not in OPERATIONS or client.meta.service_model.service_name != "bedrock-runtime":
            return None
        active = seam.admitted()
        if active is None:
            return None
        params = mapping(args[1] if len(args) > 1 else kwargs["api_params"])
        found = _recognised(operation, str(params.get("modelId") or ""))
        body = params if operation.startswith("Converse") else _invoke_body(params.get("body"))
        where = address(client.meta.endpoint_url)
        return opening.open_call(
            active, found, body, client=self.package, provider="aws.bedrock", host=where.host, port=where.port
        )


def _recognised(operation: str, model: str) -> Recognised:
    # Ids may be ARNs with slashes in them: the path is only asked for the format.
    found = recognise(f"/model/{model.replace('/', '%2F')}/{OPERATIONS[operation]}")
    assert found is not None, operation
    return found


def _invoke_body(body: Any) -> Any:
    """The model's own JSON; a file object is left alone."""
    if isinstance(body, str):
        body = body.encode()
    return json_object(bytes(body)) if isinstance(body, bytes | bytearray) else {}
