"""What calls cost: a price table in the package, the user's own prices before it, and no network.

``PriceTable().price(provider, model, usage, at=..., service_tier=...)`` gives :class:`Priced` or :class:`Unpriced`.
A price that is not known is never taken for 0 and never guessed.
"""

from otel_llm.prices.cost import Priced, Unpriced
from otel_llm.prices.overrides import Overrides
from otel_llm.prices.pricing import PriceTable
from otel_llm.prices.refresh import Refresh
from otel_llm.prices.rows import RowsError

__all__ = ["Overrides", "PriceTable", "Priced", "Refresh", "RowsError", "Unpriced"]
