"""Customers and e-accounts: opening, top-up, tokens, balance, limits, statement, and the money light."""

import asyncio
import time
from collections.abc import Collection, Iterable, Sequence
from typing import Final
from weakref import WeakKeyDictionary

from msgspec.structs import replace

from qrpay.codes.signing import to_base64url
from qrpay.core import Core
from qrpay.features.e_accounts import pins, store
from qrpay.features.e_accounts.masks import masked_name, masked_phone, person_name_defect
from qrpay.features.e_accounts.model import (
    AccountClass,
    AccountView,
    Cap,
    Caps,
    CodeLimits,
    CurrencyLight,
    Customer,
    CustomerRow,
    EAccount,
    EntryQuery,
    EntryView,
    Holder,
    Kind,
    Limits,
    MoneyLight,
    NewCustomer,
    Opened,
)
from qrpay.features.e_accounts.problems import (
    customer_name_refused,
    customer_not_active,
    phone_taken,
    top_up_reference_reused,
    top_up_refused,
)
from qrpay.features.e_accounts.tokens import token_of, wallet_of
from qrpay.features.merchants import service as merchants
from qrpay.features.merchants.model import Balance
from qrpay.features.merchants.remembered import Remembered
from qrpay.ledger.chart import PAYMENTS, AccountCode, CapClass, TransferCode, name_of_ledger
from qrpay.ledger.counters import LedgerTotal
from qrpay.ledger.limits import CapKind, CapUse, SharedCaps, Use
from qrpay.ledger.model import Account, AccountFlag, Entry, Ledger, NewAccount, Outcome, Posted, Transfer
from qrpay.problem import FieldError, invalid_field, not_found
from qrpay.values import Id, Page, claim, encode, id_of, id_text, ledger_of, new_id, rfc3339
from qrpay.web.callers import Wallet

BANK: Final = id_of(bytes(16))
"""What the bank's own accounts are about: it is nobody's customer."""
LIGHT_AGE_S: Final = 1.0
"""The money light is public: it is looked at once a second at most, however many ask."""
CAP_CLASSES: Final[dict[AccountClass, CapClass]] = {"II": CapClass.CLASS_II, "III": CapClass.CLASS_III}

_REFUNDS: Final = frozenset({TransferCode.REFUND, TransferCode.REFUND_RELEASE})
_SHARES: Final = frozenset({TransferCode.SHARE, TransferCode.SHARE_RETURN})
_KINDS: Final[dict[int, Kind]] = {
    TransferCode.TOP_UP: "top_up",
    TransferCode.DEPOSIT: "top_up",
    **dict.fromkeys(PAYMENTS, "payment"),
    **dict.fromkeys(_REFUNDS, "refund"),
    **dict.fromkeys(_SHARES, "share"),
    TransferCode.HOLD: "hold",
    TransferCode.CORRECTION: "correction",
}
_Light = tuple[MoneyLight, Sequence[LedgerTotal]]
_OF_ORDERS: Final = PAYMENTS | _REFUNDS | _SHARES
_holders: Final = Remembered[Id, Holder](20_000, 60.0)
_lights: Final[WeakKeyDictionary[Ledger, tuple[float, asyncio.Task[_Light]]]] = WeakKeyDictionary()


# Opening -------------------------------------------------------------------------------------------------------


async def add_customer(core: Core, new: NewCustomer) -> Opened:
    """Take on a person and open the first e-account. Raises `customer_name_refused`, `phone_taken`."""
    if defect := person_name_defect(new.name):
        raise customer_name_refused(reason=defect, errors=[FieldError("/name", defect)])
    customer = Customer(new_id(), masked_name(new.name), masked_phone(new.phone), "active", new.test)
    account = EAccount(new_id(), customer.id, new.account_class, new.currency, new.test)
    row = CustomerRow(
        customer.id, core.vault.seal("customer-name", new.name.encode()), customer.name_masked,
        phone_hash(core, new.phone, new.test), core.vault.seal("customer-phone", new.phone.encode()),
        customer.phone_masked, new.test,
    )  # fmt: skip
    phc = await pins.phc_of(core, customer.id, new.pin)
    # The ledger's account first: if we die in between, it is nobody's and empty, and the phone is still free.
    await open_in_ledger(core, account, new.caps)
    async with core.database.transaction() as within:
        if not await store.insert_customer(within, row):
            raise phone_taken()
        await store.insert_account(within, account)
        await store.insert_pin(within, customer.id, phc)
    return Opened(customer, account)


async def open_account(
    core: Core, customer: Id, account_class: AccountClass, currency: str, caps: Caps | None = None
) -> EAccount:
    """Open one more e-account. Raises `not_found`, `customer_not_active`."""
    person = await active(core, customer)
    account = EAccount(new_id(), customer, account_class, currency, person.test)
    await open_in_ledger(core, account, caps)
    # Before anybody can pay from it; and again, if another account was opened meanwhile.
    known = await share_caps(core, customer, currency, [account])
    await store.insert_account(core.database, account)
    await share_caps(core, customer, currency, [], known)
    return account


async def share_caps(
    core: Core, customer: Id, currency: str, more: Sequence[EAccount] = (), known: Collection[Id] = ()
) -> set[Id]:
    """Let a customer's accounts of a currency count together (rules.md 3.1, 3.3), as soon as there are two.

    Those without the caps of a class stay out of it. Answers who counts; does nothing when all of them are `known`.
    """
    owned = {account.id: account for account in [*await store.accounts_of(core.database, customer), *more]}
    found = await core.ledger.lookup_accounts([one.id for one in owned.values() if one.currency == currency])
    capped = {account.id: account.cap_class for account in found.values() if account.cap_class != CapClass.NONE}
    if len(capped) > 1 and not capped.keys() <= set(known):
        groups = {cap_class: claim("cap_group", customer, currency, cap_class) for cap_class in capped.values()}
        members = [(account, groups[cap_class]) for account, cap_class in sorted(capped.items())]
        await core.ledger.share_caps(SharedCaps(members, claim("cap_group", customer, currency)))
    return set(capped)


async def active(core: Core, customer: Id) -> Customer:
    """The customer, when it may act. Raises `not_found`, `customer_not_active`."""
    found = await store.customer(core.database, customer)
    if found is None:
        raise not_found()
    if found.status != "active":
        raise customer_not_active()
    return found


async def customer(core: Core, id: Id) -> Customer | None:
    """A customer, as far as others may see."""
    return await store.customer(core.database, id)


async def by_phone(core: Core, phone: str, test: bool = False) -> Customer | None:
    """The customer with this mobile number, among those for trying or among the others."""
    return await store.customer_by_phone(core.database, phone_hash(core, phone, test))


def phone_hash(core: Core, phone: str, test: bool = False) -> bytes:
    """What a phone number is found by; a number for trying stands in nobody's way."""
    return core.vault.mac("test-customer-phone" if test else "customer-phone", phone.encode())


async def open_in_ledger(core: Core, account: EAccount, caps: Caps | None) -> None:
    """Open the ledger's account behind an e-account, with the caps of its class when it has none of its own."""
    own = caps or Caps()
    new = NewAccount(
        account.id,
        account.ledger,
        AccountCode.CUSTOMER,
        AccountFlag.DEBITS_MUST_NOT_EXCEED_CREDITS,
        day_limit=own.day,
        year_limit=own.year,
        balance_limit=own.balance,
        cap_class=CAP_CLASSES[account.account_class] if caps is None else CapClass.NONE,
    )
    [result] = await core.ledger.create_accounts([new])
    assert result.stands, f"an e-account cannot be opened: {result.name}"


# Money in ------------------------------------------------------------------------------------------------------


async def bank_cash(core: Core, currency: str, test: bool = False) -> Id:
    """The bank's own cash account in a currency, or the one in its test ledger, opened when it is not."""
    account = claim("bank_cash", BANK, currency, *(["test"] if test else []))
    new = NewAccount(
        account, ledger_of(currency, test), AccountCode.BANK_CASH, AccountFlag.CREDITS_MUST_NOT_EXCEED_DEBITS
    )
    [result] = await core.ledger.create_accounts([new])
    assert result.stands, f"the bank's cash account cannot be opened: {result.name}"
    return account


async def top_up(core: Core, account: Id, amount: int, reference: str) -> Outcome:
    """Put money in; `reference` is the channel's own number, and the same again moves nothing.

    Raises `not_found`, `top_up_refused`, `top_up_reference_reused`.
    """
    owned = await store.account(core.database, account)
    if owned is None:
        raise not_found()
    outcome = await core.ledger.post(
        Transfer(
            id=claim("top_up", account, reference),
            debit=await bank_cash(core, owned.currency, owned.test),
            credit=account,
            amount=amount,
            code=TransferCode.TOP_UP,
            ledger=owned.ledger,
            reference=reference,
        )
    )
    if outcome.result.differs:
        raise top_up_reference_reused()
    if not outcome.result.stands:
        raise top_up_refused(result=outcome.result.name.lower(), limit=outcome.limit, left=outcome.left)
    return outcome


# Tokens --------------------------------------------------------------------------------------------------------


async def issue_token(core: Core, customer: Id, account: Id | None = None, life_s: int | None = None) -> str:
    """An access token `at_…` that pays from this account (None: the first), for `access_token_s` unless told otherwise.

    Raises `not_found` unless the account is the customer's, `customer_not_active`.
    """
    person = await active(core, customer)
    if account is None:
        account = next((owned.id for owned in await store.accounts_of(core.database, customer)), BANK)
    owned = await owned_account(core, customer, account)
    expires_at = int(core.clock().timestamp()) + (life_s or core.settings.access_token_s)
    return token_of(core.vault, Wallet(customer, owned.id, owned.ledger, expires_at, person.name_masked))


async def check_token(core: Core, text: str) -> Wallet:
    """The customer behind `at_…`. Raises `unauthenticated`, `token_expired`; asks nobody."""
    return wallet_of(core.vault, text, core.clock())


# Reading -------------------------------------------------------------------------------------------------------


async def accounts_of(core: Core, customer: Id) -> Sequence[AccountView]:
    """A customer's accounts with balance and limits, oldest first."""
    owned = await store.accounts_of(core.database, customer)
    ids = [account.id for account in owned]
    found, use = await core.ledger.lookup_accounts(ids), await core.ledger.cap_use(ids, core.clock())
    return [_view(account, found[account.id], use[account.id]) for account in owned]


async def owned_account(core: Core, customer: Id, account: Id) -> EAccount:
    """The account, when it is this customer's. Raises `not_found` otherwise, as if there were none."""
    found = await store.account(core.database, account)
    if found is None or found.customer != customer:
        raise not_found()
    return found


async def read_account(core: Core, customer: Id, account: Id) -> AccountView:
    """One account with balance and limits. Raises `not_found`, also for somebody else's."""
    owned = await owned_account(core, customer, account)
    found, use = await core.ledger.lookup_accounts([account]), await core.ledger.cap_use([account], core.clock())
    return _view(owned, found[account], use[account])


async def statement(core: Core, customer: Id, account: Id, ask: EntryQuery) -> Page[EntryView]:
    """A page of an account's statement, newest first. Raises `not_found`, also for somebody else's account."""
    owned = await owned_account(core, customer, account)
    # One more than asked for tells whether there is a next page.
    try:
        entries = await core.ledger.entries(account, limit=ask.limit + 1, before=ask.cursor)
    except (ValueError, OverflowError):
        raise invalid_field(errors=[FieldError("cursor", "This is no cursor of this statement.")]) from None
    shown = entries[: ask.limit]
    names = await names_of(core, {_other_side(entry, account) for entry in shown})
    wrong = [entry.transfer.about for entry in shown if entry.transfer.code == TransferCode.CORRECTION]
    corrected = await core.ledger.lookup_transfers(wrong) if wrong else {}
    lines = [_line(entry, owned, names, corrected.get(entry.transfer.about)) for entry in shown]
    # What is not attached follows as a refusal on the next page, never as the end of the statement.
    return Page(lines, shown[-1].cursor if len(entries) > ask.limit or (shown and shown[-1].gap) else None)


async def own_accounts(core: Core, customer: Id) -> Sequence[EAccount]:
    """A customer's accounts as they were opened, oldest first."""
    return await store.accounts_of(core.database, customer)


async def holders_of(core: Core, accounts: Iterable[Id]) -> dict[Id, Holder]:
    """The customers behind these ledger accounts, remembered for a minute; accounts of nobody are left out."""
    found = {account: _holders.get(account) for account in accounts}
    if missing := [account for account, holder in found.items() if holder is None]:
        reading = _holders.reading
        read = await store.holders_of_accounts(core.database, missing)
        for account, holder in read.items():
            _holders.put(account, holder, reading)
        found |= read
    return {account: holder for account, holder in found.items() if holder is not None}


async def names_of(core: Core, accounts: set[Id]) -> dict[Id, str]:
    """Names by ledger account: merchants' in full, persons' masked; the bank's own accounts have none."""
    if not accounts:
        return {}
    people = {account: holder.name for account, holder in (await holders_of(core, accounts)).items()}
    shops = accounts - people.keys()
    return people | await merchants.names_of_accounts(core, shops) if shops else people


def _other_side(entry: Entry, account: Id) -> Id:
    return entry.transfer.credit if entry.transfer.debit == account else entry.transfer.debit


def _line_id(transfer: Posted) -> str:
    return id_text("ord_" if transfer.code in PAYMENTS else "tra_", transfer.id)


def _line(entry: Entry, owned: EAccount, names: dict[Id, str], corrected: Posted | None) -> EntryView:
    transfer = entry.transfer
    corrects = corrected if transfer.code == TransferCode.CORRECTION else None
    of_order = transfer.code in _OF_ORDERS
    return EntryView(
        id=_line_id(transfer),
        kind=_KINDS.get(transfer.code, "transfer"),
        order=id_text("ord_", transfer.about) if of_order else None,
        reference=transfer.reference or None,
        direction="debit" if transfer.debit == owned.id else "credit",
        amount=transfer.amount,
        currency=owned.currency,
        counterparty=names.get(_other_side(entry, owned.id)),
        corrects=None if corrects is None else _line_id(corrects),
        balance=Balance.of(entry.after),
        at=rfc3339(transfer.timestamp),
        effective_at=rfc3339(entry.effective_at),
    )


def _view(owned: EAccount, account: Account, use: CapUse) -> AccountView:
    of_kind = {kind: _cap(use.caps[kind]) if kind in use.caps else None for kind in CapKind}
    balance = use.caps.get(CapKind.BALANCE)
    return AccountView(
        id_text("acc_", owned.id),
        owned.account_class,
        owned.currency,
        Balance.of(account),
        Limits(
            of_kind[CapKind.DAY],
            of_kind[CapKind.YEAR],
            None if balance is None else balance.limit,
            CodeLimits(*(of_kind[kind] for kind in (CapKind.CODE_A, CapKind.CODE_B, CapKind.CODE_C, CapKind.CODE_D))),
            use.shared,
        ),
    )


def _cap(use: Use) -> Cap:
    return Cap(use.limit, use.used, use.left, "" if use.resets_at is None else rfc3339(use.resets_at))


# The money light -----------------------------------------------------------------------------------------------


async def money_light(core: Core, *, sums: bool = False) -> MoneyLight:
    """Whether debits equal credits in every currency; at most a second old, and looked at once for all who ask.

    sums  also what stands on either side of each currency, which is for operators
    """
    known = _lights.get(core.ledger)
    if known is None or time.monotonic() - known[0] > LIGHT_AGE_S:
        known = _lights[core.ledger] = time.monotonic(), asyncio.create_task(_look(core))
    light, totals = await asyncio.shield(known[1])
    if not sums:
        return light
    both = zip(light.currencies, totals, strict=True)
    return replace(light, currencies=[_with_sums(currency, total) for currency, total in both])


def _with_sums(light: CurrencyLight, total: LedgerTotal) -> CurrencyLight:
    return CurrencyLight(
        light.currency, light.balanced, total.debits_posted, total.credits_posted, total.debits_pending,
        total.credits_pending, total.debits_posted - total.credits_posted,
    )  # fmt: skip


async def _look(core: Core) -> _Light:
    sums = await core.ledger.conservation()
    currencies = [
        CurrencyLight(
            name_of_ledger(total.ledger),
            total.balanced and all(one.ledger != total.ledger for one in sums.discrepancies),
        )
        for total in sums.ledgers
    ]
    now, root = core.clock(), to_base64url(sums.root)
    said = {
        "position": sums.position,
        "at": rfc3339(now),
        "balanced": sums.balanced,
        "currencies": currencies,
        "root": root,
    }
    # The type in the header keeps it apart from a receipt, which the same key signs.
    signer = core.keyring.signer("receipt", now)
    header = {"alg": signer.alg, "kid": signer.kid, "typ": "qrpay-conservation+jws"}
    signed = f"{to_base64url(encode(header))}.{to_base64url(encode(said))}"
    signed += f".{to_base64url(signer.sign(signed.encode()))}"
    return MoneyLight(sums.position, rfc3339(now), sums.balanced, currencies, root, signed), sums.ledgers
