"""What calls cost: a price table in the package, the user's own prices before it, and no network.

``PriceTable().price(provider, model, usage, at=..., service_tier=...)`` gives :class:`Priced` or :class:`Unpriced`.
A price that is not known is never taken for 0 and never guessed.

Not in the figures, since no usage states it: fees for tools (web search, code), storage of caches, minutes of audio,
weekdays of peak hours (DeepSeek's peak holds from Monday to Friday, the table's on every day).
"""

from otel_llm.prices.cost import Priced, Unpriced
from otel_llm.prices.overrides import Overrides
from otel_llm.prices.pricing import PriceTable
from otel_llm.prices.refresh import Refresh
from otel_llm.prices.rows import RowsError

__all__ = ["Overrides", "PriceTable", "Priced", "Refresh", "RowsError", "Unpriced"]
