"""The rules of collect codes: random, short-lived, and nothing in them but an id (rules.md 3.2)."""

from datetime import timedelta
from typing import Final

from qrpay.codes.problems import code_expired
from qrpay.core import Core
from qrpay.features.collect_codes import store
from qrpay.features.collect_codes.model import CollectCode, CollectCodeRow, NewCollectCode
from qrpay.features.e_accounts import service as e_accounts
from qrpay.features.e_accounts.problems import account_takes_no_transfers
from qrpay.problem import FieldError, invalid_field, not_found
from qrpay.values import Id, id_from_text, id_text, new_id, rfc3339
from qrpay.web.callers import Wallet

CODE_S: Final = 600
KEPT_S: Final = 7 * 86_400


async def make(core: Core, wallet: Wallet, ask: NewCollectCode) -> CollectCode:
    """A code that pays one of the customer's accounts. Refuses `account_takes_no_transfers`, `not_found`."""
    account = wallet.account if ask.account is None else id_from_text("acc_", ask.account)
    if account is None:
        raise invalid_field(errors=[FieldError("/account", "An account's id starts with acc_.")])
    owned = await e_accounts.owned_account(core, wallet.id, account)
    if not owned.unbound_credits:
        raise account_takes_no_transfers()
    now = core.clock()
    row = CollectCodeRow(
        new_id(int(now.timestamp() * 1_000)), wallet.id, account, owned.currency, ask.amount, ask.note, now,
        now + timedelta(seconds=CODE_S),
    )  # fmt: skip
    await store.insert(core.database, row)
    text, expires_at = id_text("col_", row.id), rfc3339(row.expires_at)
    return CollectCode(text, f"{core.settings.url}/pay/{text}", row.amount, row.currency, row.note, expires_at)


async def good(core: Core, code: Id) -> CollectCodeRow:
    """The code, while it is good. Raises `not_found`, `code_expired`."""
    row = await store.by_id(core.database, code)
    if row is None:
        raise not_found()
    if core.clock() >= row.expires_at:
        raise code_expired(expired_at=rfc3339(row.expires_at))
    return row


async def forget(core: Core) -> int:
    """Forget codes that ran out a week ago."""
    await store.forget(core.database, core.clock() - timedelta(seconds=KEPT_S))
    return 0
