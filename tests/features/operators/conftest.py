"""A house with a desk: every feature's reviews and finders, and one kind of thing to decide for tests."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime

import pytest
from msgspec import Struct, field

from qrpay.core import Core
from qrpay.database.pool import Database
from qrpay.desk import Case, Decision, Fact, Review, Waiting
from qrpay.problem import Problem
from qrpay.values import Id, new_id
from tests.web.house import House, house

out_of_paint = Problem("out_of_paint", 409, "There is no paint left.", "油漆用完了。", "Buy some.", "请购买。")


class Painting(Struct):
    """Walls that somebody wants painted; kept here, as a feature would keep them in its table."""

    walls: dict[Id, Waiting] = field(default_factory=dict)
    done: list[tuple[str, Id, str]] = field(default_factory=list)
    out: bool = False

    def ask(self, maker: Id | None, at: datetime) -> Id:
        """Somebody asks for one wall."""
        wall = Waiting(new_id(), "a red wall", at, maker)
        self.walls[wall.id] = wall
        return wall.id

    @property
    def review(self) -> Review:
        """What the queue is told of it."""
        return Review(
            kind="wall", prefix="wal_", en="A wall", zh="一面墙", waiting=self.waiting, show=self.show,
            approve=self.approve, reject=self.reject,
        )  # fmt: skip

    async def waiting(self, _core: Core, limit: int) -> Sequence[Waiting]:
        return list(self.walls.values())[:limit]

    async def show(self, _core: Core, wall: Id) -> Case | None:
        found = self.walls.get(wall)
        return Case(found, [Fact("Colour", "颜色", "red")]) if found else None

    async def approve(self, _core: Core, wall: Id, decision: Decision) -> None:
        if self.out:
            raise out_of_paint()
        self._end("painted", wall, decision)

    async def reject(self, _core: Core, wall: Id, decision: Decision) -> None:
        self._end("left", wall, decision)

    def _end(self, what: str, wall: Id, decision: Decision) -> None:
        if self.walls.pop(wall, None):
            self.done.append((what, wall, decision.name))


@pytest.fixture
def painting() -> Painting:
    """Something to decide."""
    return Painting()


@pytest.fixture
async def desk(database: Database, painting: Painting) -> AsyncIterator[House]:
    """One worker with all features, and walls to be painted."""
    # Tests of one process call from one address, and fail to sign in on purpose.
    async with house(database, sign_in_tries=1_000_000) as served:
        served.core.reviews.append(painting.review)
        yield served
