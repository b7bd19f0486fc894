"""Tests of the simulation: that it plays, judges, replays and shrinks, and that its alarm rings."""
