"""Merchants: taking one on, its stores, terminals and secrets, its card, its ledger accounts, what it is owed."""

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Final, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from qrpay.core import Core
from qrpay.database.pool import Queries
from qrpay.features.merchants import keys, store
from qrpay.features.merchants.model import (
    Act,
    ActRow,
    Balance,
    Balances,
    CurrencyBalance,
    MerchantCard,
    MerchantView,
    NewMerchant,
    Onboarded,
    Place,
    Status,
    Store,
    StoreView,
    Terminal,
    TerminalView,
)
from qrpay.features.merchants.names import check_name
from qrpay.features.merchants.problems import (
    code_taken,
    latin_name_missing,
    merchant_category_refused,
    refund_above_limit,
)
from qrpay.features.merchants.remembered import Remembered
from qrpay.ledger.chart import AccountCode
from qrpay.ledger.model import AccountChange, AccountFlag, NewAccount
from qrpay.problem import FieldError, invalid_field, not_found
from qrpay.values import Id, claim, id_from_text, id_text, ledger_of, new_id
from qrpay.web.callers import Merchant

CHANNEL: Final = "qrpay_merchants"
REFUSED_CATEGORIES: Final = frozenset({"0000", "7995"})
"""No category, and betting (rules.md 3.5)."""
CARD_AGE_MAX_S: Final = 60.0
REMEMBERED_MAX: Final = 20_000
STORES_MAX: Final = 1_000
TERMINALS_MAX: Final = 5_000

_LATIN: Final = re.compile(r"[ -~]{1,25}\Z")

# Ids are never given twice, so that these need no clearing between databases.
_cards: Final = Remembered[Id, MerchantCard](REMEMBERED_MAX, CARD_AGE_MAX_S)
_places: Final = Remembered[tuple[Id, Id | None, Id | None], Place](REMEMBERED_MAX)
_opened: Final = Remembered[Id, Id](REMEMBERED_MAX)
_owners: Final = Remembered[Id, Id](REMEMBERED_MAX)  # an account never changes hands


async def start(core: Core) -> None:
    """Hear of changed merchants, so that a remembered card is never older than a moment."""

    def forget(payload: str) -> None:
        _cards.forget(Id(payload))

    await core.database.listen(CHANNEL, forget, _cards.forget_all)


# Taking on -----------------------------------------------------------------------------------------------------


async def add(core: Core, new: NewMerchant) -> Onboarded:
    """Take a merchant on and make its first secret, which is shown only now.

    Raises `merchant_name_refused`, `merchant_category_refused`, `latin_name_missing`.
    """
    card = _card(new)
    async with core.database.transaction() as within:
        await store.insert_merchant(within, card)
        secret = keys.new_secret(card.test)
        await keys.keep(core, within, secret, card.id)
    return Onboarded(card, secret)


async def enter(core: Core, within: Queries, new: NewMerchant, act: Act) -> MerchantCard:
    """Take a merchant on with what else the transaction does, and note who did; it has no key yet. Raises as `add`."""
    card = _card(new)
    await store.insert_merchant(within, card)
    await store.insert_act(within, card.id, "taken_on", act, core.clock())
    return card


def _card(new: NewMerchant) -> MerchantCard:
    check_name(new.name)
    if new.mcc in REFUSED_CATEGORIES:
        raise merchant_category_refused(mcc=new.mcc)
    latin = new.name_latin or (new.name if _LATIN.match(new.name) else None)
    if latin is None:
        raise latin_name_missing(errors=[FieldError("/name_latin", "It is needed, as name is not ASCII.")])
    check_name(latin, "/name_latin")
    return MerchantCard(new_id(), new.name, latin, new.city, new.mcc, new.country, verified=True, test=new.test)


async def add_store(core: Core, merchant: Id, name: str, code: str) -> Store:
    """Open a store. Raises `code_taken`, `merchant_name_refused`."""
    return await open_store(core.database, merchant, name, code)


async def open_store(within: Queries, merchant: Id, name: str, code: str) -> Store:
    """Open a store with what else a transaction does. Raises as `add_store`."""
    check_name(name)
    opened = Store(new_id(), merchant, name, code)
    if not await store.insert_store(within, opened):
        raise code_taken()
    return opened


async def add_terminal(core: Core, merchant: Id, store_id: Id, name: str, code: str) -> Terminal:
    """Set up a terminal in one of the merchant's stores. Raises `not_found`, `code_taken`, `merchant_name_refused`."""
    check_name(name)
    if await store.store_of(core.database, merchant, store_id) is None:
        raise not_found()
    terminal = Terminal(new_id(), store_id, name, code)
    if not await store.insert_terminal(core.database, terminal):
        raise code_taken()
    return terminal


async def set_status(core: Core, merchant: Id, status: Status, act: Act) -> None:
    """Freeze, close or revive a merchant: its secrets, its card and its accounts in the ledger follow.

    Frozen: no money in or out (不收不付). Closed: none in, and what is owed can still be paid out and given back.
    Safe to repeat, which also finishes what died half-way. Raises `not_found`.
    """
    async with core.database.transaction() as within:
        if not await store.set_status(within, merchant, status):
            raise not_found()
        await store.insert_act(within, merchant, status, act, core.clock())
        await store.announce(within, merchant)
    owned = await store.accounts_of(core.database, merchant)
    await core.ledger.change_accounts([_change(account, status) for account, _ in owned])


def _change(account: Id, status: Status) -> AccountChange:
    match status:
        case "active":
            return AccountChange.unfrozen(account)
        case "frozen":
            return AccountChange.frozen(account, credits_too=True)
        case "closed":
            return AccountChange(account, int(AccountFlag.CREDITS_FROZEN), int(AccountFlag.DEBITS_FROZEN))


async def status_of(core: Core, merchant: Id) -> Status:
    """Whether a merchant is in business. Raises `not_found`."""
    found = await store.status_of(core.database, merchant)
    if found is None:
        raise not_found()
    return found


async def acts_of(core: Core, merchant: Id) -> Sequence[ActRow]:
    """Who did what to a merchant and why, oldest first."""
    return await store.acts(core.database, merchant)


# What a caller may do --------------------------------------------------------------------------------------------


def may_refund(caller: Merchant, amount: int) -> None:
    """Raises `refund_above_limit` when this caller may not let an order give back `amount` in all.

    amount  minor units: this refund and all that the order gave back before, so that cutting it up gains nothing
    """
    bounds = caller.bounds
    if bounds is None or bounds.role == "owner":
        return
    limit = bounds.refund_max
    if bounds.role == "manager" and limit is None:
        return
    if bounds.role not in ("manager", "cashier") or amount > (limit or 0):
        raise refund_above_limit(limit=limit or 0)


Placed = TypeVar("Placed", bound=Struct)


def placed(caller: Merchant, ask: Placed) -> Placed:
    """What a bounded key asks for (with `store` and `terminal`), at the only place it acts for.

    Raises `invalid_field` when it names another one.
    """
    assert caller.bounds is not None
    for name, prefix, own in (("store", "sto_", caller.bounds.store), ("terminal", "ter_", caller.bounds.terminal)):
        said = getattr(ask, name)
        if own is not None and said is not None and id_from_text(prefix, said) != own:
            raise invalid_field(errors=[FieldError(f"/{name}", "This key does not act for another one.")])
        if own is not None and said is None:
            ask = replace(ask, **{name: id_text(prefix, own)})
    return ask


# Directory -----------------------------------------------------------------------------------------------------


async def directory(core: Core, merchant: Id) -> MerchantCard:
    """A merchant's card, remembered for a minute. Raises `not_found`."""
    if card := card_now(merchant):
        return card
    reading = _cards.reading
    card = await store.merchant(core.database, merchant)
    if card is None:
        raise not_found()
    _cards.put(merchant, card, reading)
    return card


def card_now(merchant: Id) -> MerchantCard | None:
    """The card when this process remembers it; for the hot path, which then asks nobody."""
    return _cards.get(merchant)


async def place(core: Core, merchant: Id, store_id: Id | None, terminal_id: Id | None) -> Place:
    """The merchant's own store and terminal; a terminal brings its store. Raises `not_found` for anybody else's."""
    if store_id is None and terminal_id is None:
        return Place()
    key = merchant, store_id, terminal_id
    if known := _places.get(key):
        return known
    found = await _find_place(core, merchant, store_id, terminal_id)
    _places.put(key, found, _places.reading)
    return found


async def _find_place(core: Core, merchant: Id, store_id: Id | None, terminal_id: Id | None) -> Place:
    if terminal_id is not None:
        both = await store.terminal_of(core.database, merchant, terminal_id)
        if both is None or store_id not in (None, both[0].id):
            raise not_found()
        return Place(*both)
    assert store_id is not None
    found = await store.store_of(core.database, merchant, store_id)
    if found is None:
        raise not_found()
    return Place(found)


async def view(core: Core, merchant: Id, only: Id | None = None) -> MerchantView:
    """Who this merchant is, with stores and terminals; `only` one store when it is named. Raises `not_found`."""
    card = await directory(core, merchant)
    stores = await store.stores(core.database, merchant, STORES_MAX)
    stores = [shop for shop in stores if only in (None, shop.id)]
    tills: dict[Id, list[TerminalView]] = {shop.id: [] for shop in stores}
    for till in await store.terminals(core.database, list(tills), TERMINALS_MAX):
        tills[till.store].append(terminal_shown(till))
    shops = [store_shown(shop, tills[shop.id]) for shop in stores]
    return MerchantView(
        id_text("mer_", card.id), card.name, card.name_latin, card.city, card.mcc, card.country, card.test, shops
    )


def store_shown(shop: Store, tills: Sequence[TerminalView] = ()) -> StoreView:
    """A store as its merchant sees it."""
    return StoreView(id_text("sto_", shop.id), shop.name, shop.code, tills)


def terminal_shown(till: Terminal) -> TerminalView:
    """A terminal as its merchant sees it."""
    return TerminalView(id_text("ter_", till.id), till.name, till.code)


# Money ---------------------------------------------------------------------------------------------------------


@lru_cache(REMEMBERED_MAX)
def account_of(merchant: Id, currency: str) -> Id:
    """The id of the merchant's ledger account in this currency, whether it is open or not."""
    return claim("merchant_account", merchant, currency)


async def ensure_account(core: Core, merchant: Id, currency: str) -> Id:
    """The merchant's ledger account in this currency (a code of CURRENCIES), opened when it is not. Asks once."""
    account = account_of(merchant, currency)
    if _opened.get(account) is None:
        # The name first: an account that holds money always has an owner whom a statement can name.
        await store.insert_account(core.database, account, merchant, currency)
        card = await directory(core, merchant)
        new = NewAccount(
            account,
            ledger_of(currency, card.test),
            AccountCode.MERCHANT,
            AccountFlag.DEBITS_MUST_NOT_EXCEED_CREDITS,
        )
        [result] = await core.ledger.create_accounts([new])
        assert result.stands, f"a merchant's account cannot be opened: {result.name}"
        # Whoever freezes a merchant names its accounts first and freezes them then: one of us sees the other.
        status = await store.status_of(core.database, merchant)
        if status is not None and status != "active":
            await core.ledger.change_accounts([_change(account, status)])
        _opened.put(account, account, _opened.reading)
    return account


async def balances(core: Core, merchant: Id) -> Balances:
    """What the merchant is owed, a line for each currency."""
    owned = await store.accounts_of(core.database, merchant)
    found = await core.ledger.lookup_accounts([account for account, _ in owned])
    return Balances(
        [CurrencyBalance(currency, Balance.of(found[account])) for account, currency in owned if account in found]
    )


async def names_of_accounts(core: Core, accounts: set[Id]) -> dict[Id, str]:
    """Names by ledger account, for those that are merchants'."""
    return await store.names_of_accounts(core.database, list(accounts)) if accounts else {}


async def owners_of(core: Core, accounts: Iterable[Id]) -> dict[Id, Id]:
    """The merchants behind these ledger accounts, remembered; accounts of nobody are left out."""
    found = {account: _owners.get(account) for account in accounts}
    if missing := [account for account, owner in found.items() if owner is None]:
        read = await store.owners_of_accounts(core.database, missing)
        for account, owner in read.items():
            _owners.put(account, owner, _owners.reading)
        found |= read
    return {account: owner for account, owner in found.items() if owner is not None}
