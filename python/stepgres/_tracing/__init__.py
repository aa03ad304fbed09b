"""Spans of OpenTelemetry. Only a client with traces=True imports the API of OpenTelemetry."""
