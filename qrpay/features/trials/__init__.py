"""Trials: what a test merchant may make happen, for real, with money for trying."""
