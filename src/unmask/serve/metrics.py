"""What Prometheus reads at /metrics: verdicts, latencies, what waits, refusals by reason."""

import os

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
SECONDS = (0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1, 1.5, 2, 3, 5, 10, 20, 60)


class Metrics:
    """The counters of one worker; where PROMETHEUS_MULTIPROC_DIR is set, `page` adds up those of all."""

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        self.decisions = Counter(
            "unmask_decisions", "Decisions by what was decided.", ["kind", "mode", "state"], registry=registry
        )
        self.refusals = Counter(
            "unmask_refusals", "Requests and connections refused.", ["reason"], registry=registry
        )
        self.reasons = Counter(
            "unmask_reasons", "Reasons in decisions that are not LIVE.", ["reason"], registry=registry
        )
        self.requests = Counter(
            "unmask_requests", "Answers by path and status.", ["path", "status"], registry=registry
        )
        self.request_s = Histogram(
            "unmask_request_seconds", "Seconds to an answer.", ["path"], buckets=SECONDS, registry=registry
        )
        self.frame_s = Histogram(
            "unmask_frame_seconds",
            "Seconds from a frame's arrival to its answer.",
            buckets=SECONDS,
            registry=registry,
        )
        self.decision_s = Histogram(
            "unmask_decision_seconds",
            "Seconds from a session's first frame to its decision.",
            buckets=(0.5, 1, 1.5, 2, 3, 5, 7.5, 10, 15, 20, 30, 60),
            registry=registry,
        )
        self.connections = self._gauge("unmask_connections", "Connections that send frames.")
        self.checks_running = self._gauge("unmask_checks_running", "Checks of files that run.")
        self.checks_waiting = self._gauge("unmask_checks_waiting", "Checks of files that wait.")
        self.frames_waiting = self._gauge("unmask_frames_waiting", "Frames that wait to be looked at.")

    def page(self) -> bytes:
        """The text that Prometheus reads."""
        registry = self._registry
        if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
            registry = CollectorRegistry()
            MultiProcessCollector(registry)
        return generate_latest(registry)

    def _gauge(self, name: str, text: str) -> Gauge:
        return Gauge(name, text, registry=self._registry, multiprocess_mode="livesum")
