"""Wire formats: pure decoders from a provider's bytes to facts. No OpenTelemetry, no clocks, no SDK imports."""
