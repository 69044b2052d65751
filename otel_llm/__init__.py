"""One line makes every LLM call a span, metrics and cost in the stack you already run::

import otel_llm

otel_llm.instrument()
"""

from otel_llm.attributions import attribution
from otel_llm.content.message import Content
from otel_llm.instrumentor import collector, flush, instrument, uninstrument
from otel_llm.runtime import disable, enable
from otel_llm.settings import SettingError
from otel_llm.status import Status, status
from otel_llm.version import __version__

__all__ = [
    "Content",
    "SettingError",
    "Status",
    "__version__",
    "attribution",
    "collector",
    "disable",
    "enable",
    "flush",
    "instrument",
    "status",
    "uninstrument",
]
