"""OpenTelemetry, where it is installed and OTEL_EXPORTER_OTLP_ENDPOINT names a collector; else nothing.

The span of a request holds the path's pattern, the status and the request's id; those that FastAPI makes
below it hold the path. None holds a client's address, a reference, a key or a token.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

from unmask.types import SettingsError

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"


def configure() -> None:
    """Send spans to the collector that the environment names; SettingsError without the packages for it."""
    if not os.environ.get(ENDPOINT):
        return
    if find_spec("opentelemetry") is None or find_spec("opentelemetry.sdk") is None:
        raise SettingsError(f"{ENDPOINT} is set: pip install 'unmask[serve,trace]', or unset it")
    from opentelemetry import trace
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider(resource=Resource.create({"service.name": "unmask-serve"}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)


@contextmanager
def span(name: str, headers: Mapping[bytes, bytes]) -> Iterator[dict[str, Any]]:
    """A span under that of the caller's `traceparent`; what is put into the dict becomes its attributes."""
    told: dict[str, Any] = {}
    if find_spec("opentelemetry") is None:
        yield told
        return
    from opentelemetry import trace
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    carrier = {"traceparent": headers.get(b"traceparent", b"").decode("latin-1")}
    parent = TraceContextTextMapPropagator().extract(carrier)
    with trace.get_tracer("unmask.serve").start_as_current_span(name, context=parent) as current:
        try:
            yield told
        finally:
            current.set_attributes(told)
