"""How an operator finds a customer or an account, by id or by phone number; nobody is shown in full."""

from collections.abc import Sequence
from typing import Final

from qrpay.core import Core
from qrpay.desk import Fact, Finder, Found, money_fact
from qrpay.features.e_accounts import service, store
from qrpay.features.merchants.model import Balance
from qrpay.values import Id, id_text


async def find_customer(core: Core, customer: Id) -> Found | None:
    """A customer, masked, and the accounts."""
    person = await store.customer(core.database, customer)
    if person is None:
        return None
    facts = [
        Fact("Name", "姓名", person.name_masked), Fact("Phone", "手机号", person.phone_masked),
        Fact("Status", "状态", person.status),
    ]  # fmt: skip
    related = [id_text("acc_", account.id) for account in await service.own_accounts(core, customer)]
    return Found(id_text("cus_", customer), "Customer", "客户", facts, related=related)


async def find_account(core: Core, account: Id) -> Found | None:
    """An account, its balance and its last entries."""
    owned = await store.account(core.database, account)
    if owned is None:
        return None
    facts = [Fact("Class", "类别", owned.account_class), Fact("Currency", "币种", owned.currency)]
    if held := (await core.ledger.lookup_accounts([account])).get(account):
        balance = Balance.of(held)
        facts += [
            money_fact(balance.posted, owned.currency, "Balance", "余额"),
            money_fact(balance.available, owned.currency, "Available", "可用余额"),
        ]
    related = [id_text("cus_", owned.customer)]
    return Found(id_text("acc_", account), "Account", "账户", facts, (), (), [account], related)


async def named(core: Core, phone: str) -> Sequence[str]:
    """The customer with this phone number, who may have a namesake for trying."""
    if not phone.isascii() or not phone.isdigit():
        return []
    found = [await service.by_phone(core, phone, test) for test in (False, True)]
    return [id_text("cus_", person.id) for person in found if person]


finders: Final = [
    Finder(prefix="cus_", find=find_customer, named=named),
    Finder(prefix="acc_", find=find_account),
]
