"""What every api shares, attacked and tried through the door."""
