"""Onboarding: how a company becomes a merchant, from the first form to the first key."""
