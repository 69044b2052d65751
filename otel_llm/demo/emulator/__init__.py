"""An emulator of provider APIs for tests and the demo: real wire formats on 127.0.0.1, own code, no keys.

Start with :class:`Emulator`; say what it answers with :class:`Reply`; see what came in as :class:`Received` and what
it handed out as :class:`Injected`. A new provider API is a module with a :class:`~otel_llm.demo.emulator.wire.Wire`
and a row in :mod:`~otel_llm.demo.emulator.routes`.
"""

from otel_llm.demo.emulator.injected import Injected, Price
from otel_llm.demo.emulator.received import CALL_HEADER, FEATURE_HEADER, FEATURE_KEY, Received
from otel_llm.demo.emulator.reply import Limit, Reply, Tool, Usage
from otel_llm.demo.emulator.server import Emulator, Script

__all__ = [
    "CALL_HEADER",
    "FEATURE_HEADER",
    "FEATURE_KEY",
    "Emulator",
    "Injected",
    "Limit",
    "Price",
    "Received",
    "Reply",
    "Script",
    "Tool",
    "Usage",
]
