"""A bank that opens accounts, and its clearing house."""

from tests.features.openings.conftest import core, house, house_process, identity, identity_process, sms, sms_process

__all__ = ["core", "house", "house_process", "identity", "identity_process", "sms", "sms_process"]
