"""The simulated time: it stands still within a round, goes on between rounds, and jumps when a fault says so."""

from datetime import datetime, timedelta


class WorldClock:
    """Every worker's clock. `readings` is what it has shown, so that a call knows all it may have gone by."""

    def __init__(self, start: datetime) -> None:
        self.readings: list[datetime] = [start]

    def __call__(self) -> datetime:
        return self.readings[-1]

    def move(self, by_s: float) -> None:
        """Go on, or back."""
        self.readings.append(self.readings[-1] + timedelta(seconds=by_s))

    @property
    def place(self) -> int:
        """How often it has moved."""
        return len(self.readings) - 1

    def shown(self, since: int, until: int) -> list[datetime]:
        """What it showed between two places, both included."""
        return sorted(set(self.readings[since : until + 1]))
