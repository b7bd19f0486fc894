"""Rights of an account opened online: whether it takes money from accounts that are not bound to it (rules.md 3.3)."""

from typing import Final

from qrpay.core import Core
from qrpay.features.e_accounts import service, store
from qrpay.features.e_accounts.model import AccountView
from qrpay.features.e_accounts.problems import account_takes_no_transfers
from qrpay.ledger.chart import TransferCode
from qrpay.values import Id

FIRST_CREDIT_WITHIN: Final = 100
"""Lines of a statement in which the first credit from the bound account is looked for."""


async def seen(core: Core, customer: Id, by: str, why: str) -> int:
    """A customer was seen in person: Class II accounts opened online take money from anybody; how many. Safe to repeat.

    Raises `not_found`, `customer_not_active`.
    """
    await service.active(core, customer)
    return await store.seen(core.database, customer, by, why)


async def take_unbound_credits(core: Core, customer: Id, account: Id) -> AccountView:
    """Consent to money from accounts that are not bound, within its caps (rules.md 3.3). Safe to repeat.

    A Class III account opened online may, once money came from its bound account; one of them a customer. Raises
    `not_found`, `account_takes_no_transfers` for a Class II account, whose holder must be seen, and before that money.
    """
    owned = await service.owned_account(core, customer, account)
    if not owned.unbound_credits:
        entries = await core.ledger.entries(account, limit=FIRST_CREDIT_WITHIN) if owned.account_class == "III" else ()
        credited = any(entry.transfer.code == TransferCode.TOP_UP for entry in entries)
        if not credited or not await store.consent(core.database, account):
            raise account_takes_no_transfers()
    return await service.read_account(core, customer, account)
