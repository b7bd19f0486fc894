"""What a wallet may ask about its accounts, and the money light."""

from qrpay.features.e_accounts import rights, service
from qrpay.features.e_accounts.model import AccountList, AccountView, EntryQuery, EntryView, MoneyLight
from qrpay.features.e_accounts.problems import account_takes_no_transfers
from qrpay.problem import not_found
from qrpay.values import Id, Page, id_from_text
from qrpay.web.callers import Wallet
from qrpay.web.routes import PUBLIC, Call, Nothing, Routes

routes = Routes("Accounts")
ledger_routes = Routes("Ledger")


@routes.get("/v1/accounts", caller=Wallet, returns=AccountList)
async def list_accounts(call: Call, _ask: Nothing) -> AccountList:
    """My accounts, with balance and what is left of the limits today and this year."""
    return AccountList(await service.accounts_of(call.core, call.wallet.id))


@routes.get("/v1/accounts/{account}", caller=Wallet, returns=AccountView, problems=[not_found])
async def read_account(call: Call, _ask: Nothing) -> AccountView:
    """One of my accounts."""
    return await service.read_account(call.core, call.wallet.id, _account_of(call))


@routes.post(
    "/v1/accounts/{account}/unbound-credits", caller=Wallet, returns=AccountView,
    problems=[not_found, account_takes_no_transfers],
)  # fmt: skip
async def take_unbound_credits(call: Call, _ask: Nothing) -> AccountView:
    """Consent that others pay into this Class III account; first, money must have come from its bound account."""
    return await rights.take_unbound_credits(call.core, call.wallet.id, _account_of(call))


@routes.get(
    "/v1/accounts/{account}/entries",
    caller=Wallet,
    query=EntryQuery,
    returns=Page[EntryView],
    problems=[not_found],
)
async def list_entries(call: Call, ask: EntryQuery) -> Page[EntryView]:
    """The statement of one of my accounts, newest first."""
    return await service.statement(call.core, call.wallet.id, _account_of(call), ask)


@ledger_routes.get("/v1/ledger/conservation", caller=PUBLIC, operator_too=True, returns=MoneyLight)
async def read_conservation(call: Call, _ask: Nothing) -> MoneyLight:
    """The money light: whether debits equal credits, in every currency; with the sums for an operator's session."""
    return await service.money_light(call.core, sums=call.caller is not None)


def _account_of(call: Call) -> Id:
    account = id_from_text("acc_", call.path["account"])
    if account is None:
        raise not_found()
    return account
