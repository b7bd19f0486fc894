"""How an operator finds a merchant, a store or a terminal, by id or by the merchant's name."""

from collections.abc import Sequence
from typing import Final

from qrpay.core import Core
from qrpay.desk import Fact, Finder, Found, Moment, money_fact
from qrpay.features.merchants import service, store, terminals
from qrpay.problem import Refused
from qrpay.values import Id, id_text

STORES_MAX: Final = 20
_ACTS: Final = {
    "taken_on": ("taken on", "入网"), "active": ("set free", "恢复营业"), "frozen": ("frozen", "冻结"),
    "closed": ("closed", "关闭"),
}  # fmt: skip


async def find_merchant(core: Core, merchant: Id) -> Found | None:
    """A merchant: its card, what it is owed, and who did what to it."""
    card = await store.merchant(core.database, merchant)
    if card is None:
        return None
    facts = [
        Fact("Name", "名称", card.name), Fact("Status", "状态", await service.status_of(core, merchant)),
        Fact("Category", "类别", card.mcc), Fact("City", "城市", card.city),
    ]  # fmt: skip
    facts += [Fact("For trying", "测试商户", "yes")] if card.test else []
    owed = await service.balances(core, merchant)
    facts += [money_fact(line.balance.posted, line.currency, "Owed", "应付余额") for line in owed.data]
    moments = [
        Moment(
            row.at, *_ACTS[row.act], "story", None,
            f"{row.maker}{f', {row.checker}' if row.checker else ''}: {row.reason}",
        )
        for row in await service.acts_of(core, merchant)
    ]  # fmt: skip
    accounts = [account for account, _ in await store.accounts_of(core.database, merchant)]
    related = [id_text("sto_", shop.id) for shop in await store.stores(core.database, merchant, STORES_MAX)]
    return Found(id_text("mer_", merchant), "Merchant", "商户", facts, moments, (), accounts, related)


async def find_store(core: Core, place: Id) -> Found | None:
    """A store, and whose it is."""
    shop = await store.any_store(core.database, place)
    if shop is None:
        return None
    facts = [Fact("Name", "名称", shop.name), Fact("Code", "门店编号", shop.code)]
    tills = await store.terminals(core.database, [place], STORES_MAX)
    related = [id_text("mer_", shop.merchant), *[id_text("ter_", till.id) for till in tills]]
    return Found(id_text("sto_", place), "Store", "门店", facts, related=related)


async def find_terminal(core: Core, terminal: Id) -> Found | None:
    """A terminal, where it stands, and whether it is frozen."""
    try:
        till = await terminals.state(core, terminal)
    except Refused:
        return None
    facts = [
        Fact("Name", "名称", till.name), Fact("Code", "终端编号", till.code), Fact("Store", "门店", till.store_name),
        Fact("Status", "状态", "frozen" if till.frozen else "active"),
    ]  # fmt: skip
    related = [id_text("mer_", till.merchant), id_text("sto_", till.store)]
    return Found(id_text("ter_", terminal), "Terminal", "终端", facts, related=related)


async def named(core: Core, name: str) -> Sequence[str]:
    """Merchants of this name."""
    return [id_text("mer_", id_) for id_ in await store.merchants_named(core.database, name)]


finders: Final = [
    Finder(prefix="mer_", find=find_merchant, named=named),
    Finder(prefix="sto_", find=find_store),
    Finder(prefix="ter_", find=find_terminal),
]
