"""Tests of the supervisor, its workers, logs and metrics: on real processes."""
