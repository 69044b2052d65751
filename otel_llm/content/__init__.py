"""Content of calls (prompts, answers, tool arguments): captured only where it is asked for, by the conventions' schema.

Off by default, and then none of this runs. To add a wire format, add a module like ``openai_chat`` and a
row in :data:`otel_llm.content.capture.FAMILIES`; formats without a row give no content.
"""
