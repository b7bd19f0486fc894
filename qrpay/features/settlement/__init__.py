"""Paying merchants out."""
