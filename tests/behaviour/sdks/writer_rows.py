from __future__ import annotations

from tests.behaviour.row import Row

ROWS: tuple[Row, ...] = ()
"""Writer's chat is OpenAI's under a path of its own: driven with its recordings (``tests.replay``)."""
