"""Codes by which a customer is paid by another, with an amount or without, for some minutes."""
