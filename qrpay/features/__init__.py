"""The capabilities of the house, one folder each; app.py lists them in order of dependency."""
