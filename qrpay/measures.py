"""Measures: Prometheus' counters, gauges and histograms, shared by all workers through files in one folder.

Import them from here, not from prometheus_client: a metric finds its file when it is made.
"""

import os

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest, values
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import REGISTRY

__all__ = ["Counter", "Gauge", "Histogram", "render"]

if process := os.environ.get("QRPAY_PROCESS"):
    # Files named by place instead of by process number: whoever is restarted counts on where the last one
    # stopped, and a thousand restarts leave no more files than two. prometheus_client documents this hook.
    values.ValueClass = values.MultiProcessValue(lambda: process)  # type: ignore[no-untyped-call]


def render() -> bytes:
    """All workers' metrics in Prometheus' text format; those of this process when it has no supervisor."""
    folder = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
    if not folder:
        return generate_latest(REGISTRY)
    together = CollectorRegistry()
    MultiProcessCollector(together, folder)  # type: ignore[no-untyped-call]
    return generate_latest(together)
