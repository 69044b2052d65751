"""What `otel-llm run` puts on PYTHONPATH."""
