"""The same house as for features."""

from tests.features.conftest import clock, core, fresh_core

__all__ = ["clock", "core", "fresh_core"]
