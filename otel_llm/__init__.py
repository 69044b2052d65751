"""One line makes every LLM call a span, metrics and cost in the stack you already run::

import otel_llm

otel_llm.instrument()
"""

from otel_llm.instrumentor import flush, instrument, uninstrument
from otel_llm.settings import SettingError
from otel_llm.version import __version__

__all__ = ["SettingError", "__version__", "flush", "instrument", "uninstrument"]
