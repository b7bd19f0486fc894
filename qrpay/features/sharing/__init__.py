"""Sharing: part of what a merchant is paid goes on to others, in the payment's commit or later, to the last cent."""
