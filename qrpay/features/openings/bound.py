"""The account at another bank that an e-account is bound to, for the features that move money between both."""

import msgspec

from qrpay.core import Core
from qrpay.features.openings import personal, store
from qrpay.features.openings.model import Details
from qrpay.problem import not_found
from qrpay.values import Id


async def masked(core: Core, account: Id) -> str | None:
    """Its number, masked; None when the e-account is bound to none."""
    found = await store.bound(core.database, account)
    return None if found is None else found[1]


async def party(core: Core, account: Id) -> tuple[str, str, str]:
    """Its holder's name, which is the customer's, its number, its bank's. Raises `not_found` when it was erased."""
    found = await store.bound(core.database, account)
    if found is None:
        raise not_found()
    customer, _, sealed = found
    known = msgspec.json.decode(await personal.unseal(core, core.database, customer, sealed), type=Details)
    return known.name, known.card, known.bank
