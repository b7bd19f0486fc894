"""What runs without a caller: the event log and its consumers, jobs by the clock, one leader."""
