"""Caps as an account meets them: what each rule allows now, and which of all caps that were set decides it."""

from collections.abc import Sequence
from datetime import date

from msgspec import Struct

from qrpay.core import Core
from qrpay.ledger.caps import bank_day, counter_of, strictest_of, used_of
from qrpay.ledger.chart import CapClass
from qrpay.ledger.limits import Cap, CapKind, Use
from qrpay.ledger.model import Account
from qrpay.values import Id


class RuleMet(Struct, frozen=True):
    """One rule as an account meets it now.

    use     its limit, what is used of it, and when that begins anew; None: no cap
    used    minor units that count against it, also where there is no cap
    cap     the cap that decides; None: no cap
    others  the accounts of the same person that count too
    """

    rule: CapKind
    use: Use | None
    used: int
    cap: Cap | None
    others: Sequence[Id]


async def rules_met(core: Core, account: Account) -> Sequence[RuleMet]:
    """Every rule as this account meets it now, in order of precedence."""
    now = core.clock()
    groups = [id for id in {account.day_group, account.code_group} if id is not None]
    together = {id: [account.id] for id in (account.id, *groups)} | await core.ledger.cap_members(groups)
    rows = await core.ledger.lookup_accounts([account.id, *groups, *(id for ids in together.values() for id in ids)])
    use = (await core.ledger.cap_use([account.id], now))[account.id]
    caps = [*await core.ledger.caps(ledger=account.ledger)]
    for id in {id for ids in together.values() for id in ids}:
        caps += await core.ledger.caps(ledger=account.ledger, account=id)
    met = []
    for kind in CapKind:
        counter = counter_of(account, kind)
        members = [rows[id] for id in together[counter]]
        decides = strictest_of(members, kind, caps, bank_day(now)) if kind in use.caps else None
        others = [id for id in together[counter] if id != account.id]
        met.append(RuleMet(kind, use.caps.get(kind), used_of(rows[counter], kind, bank_day(now)), decides, others))
    return met


def is_ruled(cap_class: int, kind: CapKind) -> bool:
    """Whether this class has caps of this kind: those by class of code hold for the whole bank, the others for one."""
    return (cap_class == CapClass.EVERY) == kind.value.startswith("code")


def states(caps: Sequence[Cap], today: date) -> dict[int, str]:
    """Of each cap, by its number: `in force`, `to come`, or `past`, which is also what a later one has replaced."""
    counts = {(cap.account, cap.cap_class, cap.kind, cap.effective_on): cap for cap in sorted(caps, key=lambda c: c.id)}
    begun = sorted((cap for cap in counts.values() if cap.effective_on <= today), key=lambda cap: cap.effective_on)
    in_force = {(cap.account, cap.cap_class, cap.kind): cap.id for cap in begun}
    to_come = {cap.id: "to come" for cap in counts.values() if cap.effective_on > today}
    return {cap.id: "past" for cap in caps} | dict.fromkeys(in_force.values(), "in force") | to_come
