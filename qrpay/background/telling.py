"""Telling: what an event says is built when somebody reads it; its public id is derived, and kept nowhere."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import msgspec

from qrpay.background import store
from qrpay.background.model import Event, Logged
from qrpay.values import Id, id_of, id_time_ms

if TYPE_CHECKING:
    from qrpay.core import Core
    from qrpay.vault import Vault

PURPOSE: Final = "event id"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MS: Final = timedelta(milliseconds=1)
_LOW_62: Final = (1 << 62) - 1


async def told(core: "Core", logged: Sequence[Logged]) -> Sequence[Event]:
    """These events as their receivers read them. Raises LookupError for a type that no feature tells."""
    moved = list({one.transfer for one in logged if one.transfer is not None})
    posted = await core.ledger.lookup_transfers(moved) if moved else {}
    data: dict[int, msgspec.Raw] = {one.seq: one.data for one in logged if one.data is not None}
    for source in core.sources:
        mine = [one for one in logged if one.data is None and one.type in source.types]
        if mine:
            data.update(zip([one.seq for one in mine], await source.tell(core, mine, posted), strict=True))
    if untold := {one.type for one in logged if one.seq not in data}:
        raise LookupError(f"no feature tells {', '.join(sorted(untold))}")
    return [_event(core, one, data[one.seq]) for one in logged]


def _event(core: "Core", one: Logged, data: msgspec.Raw) -> Event:
    id_ = event_id(core.vault, one.receiver, one.seq, one.created_at)
    return Event(one.seq, id_, one.type, one.receiver, one.about, one.created_at, data)


def event_id(vault: "Vault", receiver: Id, seq: int, created_at: datetime) -> Id:
    """An event's public id: its time in the first 48 bits, its number under a mask in the last 62 (a UUIDv8)."""
    return _id_at(vault, receiver, seq, (created_at - _EPOCH) // _MS)


async def find(core: "Core", receiver: Id, id_: Id) -> Logged | None:
    """This receiver's event with this id; None when it is unknown, altered or somebody else's."""
    ms = id_time_ms(id_)
    seq = (_mask(core.vault, receiver, ms) ^ id_.int) & _LOW_62
    if _id_at(core.vault, receiver, seq, ms) != id_:
        return None
    found = await store.logged_at(core.database, receiver, seq)
    if found is None or event_id(core.vault, receiver, seq, found.created_at) != id_:
        return None
    return found


def _id_at(vault: "Vault", receiver: Id, seq: int, ms: int) -> Id:
    tail = _mask(vault, receiver, ms) ^ seq
    tail = tail & ~(0xF << 76) & ~(0x3 << 62) | 0x8 << 76 | 0x2 << 62
    return id_of((ms << 80 | tail).to_bytes(16, "big"))


def _mask(vault: "Vault", receiver: Id, ms: int) -> int:
    """80 bits that hide the number: how many events the whole bank has is nobody's to count."""
    return int.from_bytes(vault.mac(PURPOSE, receiver.bytes + ms.to_bytes(6, "big"), size=10), "big")
