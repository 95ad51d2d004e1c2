"""OpenTelemetry: traces, metrics and logs by OTLP over HTTP, by the conventions for generative AI.

Source: OpenTelemetry semantic conventions for generative AI (in development).
"""
