"""Whole journeys, as a person or a shop would walk them."""
