"""Payments through the clearing house."""
