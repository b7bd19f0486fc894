"""Merchants: secrets, directory, places, ledger accounts."""

import asyncio
import re

import pytest

from qrpay.core import Core
from qrpay.features.merchants import keys, service
from qrpay.features.merchants.credentials import NewKey
from qrpay.features.merchants.model import Act, NewMerchant, Onboarded
from qrpay.features.merchants.remembered import Remembered
from qrpay.ledger.chart import AccountCode
from qrpay.ledger.model import FROZEN, AccountFlag
from qrpay.problem import Refused
from qrpay.values import claim, new_id


async def a_shop(core: Core, name: str = "Happy Mart", **said: str) -> Onboarded:
    """A merchant, taken on."""
    return await service.add(core, NewMerchant(name, **said))  # type: ignore[arg-type] # a test says fields as it likes


async def refusal(core: Core, text: str) -> str:
    """The code with which a secret is refused."""
    with pytest.raises(Refused) as refused:
        await keys.check_secret(core, text)
    return refused.value.problem.code


async def test_a_secret_proves_its_merchant_and_is_kept_as_a_keyed_hash_only(core: Core) -> None:
    """Whoever reads the table can neither call nor recognise a secret."""
    shop = await a_shop(core)

    caller = await keys.check_secret(core, shop.secret.text)

    assert (caller.id, caller.key, caller.test) == (shop.merchant.id, shop.secret.id, False)
    rows = await core.database.fetch("SELECT * FROM merchant_keys WHERE merchant = $1", shop.merchant.id)
    [row] = rows
    assert shop.secret.text not in str(dict(row))
    assert shop.secret.text[-4:] == row["last_four"]
    assert shop.secret.text not in repr(shop)


async def test_every_bad_secret_gets_the_same_answer(core: Core) -> None:
    """Unknown, malformed, cut, lengthened, of another kind: nobody learns which part was right."""
    text = (await a_shop(core)).secret.text
    swapped = text[:-1] + ("A" if text[-1] != "A" else "B")
    other = text.replace("sk_live_", "sk_test_")
    for bad in ("", "sk_", text[:-1], text + "A", text + "\n", text.upper(), swapped, other, "sk_test_" + "é" * 32):
        assert await refusal(core, bad) == "unauthenticated"


async def test_a_revoked_secret_is_refused_while_the_next_one_goes_on(core: Core) -> None:
    """A secret is changed without a gap: add, switch over, revoke."""
    shop = await a_shop(core)
    second = await keys.make(core, shop.merchant.id, True, NewKey())

    await keys.revoke(core, shop.secret.id)
    await keys.revoke(core, shop.secret.id)

    assert await refusal(core, shop.secret.text) == "unauthenticated"
    assert (await keys.check_secret(core, str(second.secret_key))).id == shop.merchant.id
    alive = {row.id: row.revoked_at is None for row in await keys.listed(core, shop.merchant.id)}
    assert (
        sorted(alive.values()) == [False, True] and alive[second.id]
    )  # made in one millisecond, they stand in either order


async def test_a_frozen_merchant_cannot_call(core: Core) -> None:
    """Its secrets end, its card no longer says verified in any process, and the ledger moves none of its money."""
    shop = await a_shop(core)
    await service.start(core)
    assert (await service.directory(core, shop.merchant.id)).verified

    account = await service.ensure_account(core, shop.merchant.id, "CNY")
    await service.set_status(core, shop.merchant.id, "frozen", Act("Lin", "A court order"))

    assert await refusal(core, shop.secret.text) == "unauthenticated"
    async with asyncio.timeout(2):
        while service.card_now(shop.merchant.id) is not None:
            await asyncio.sleep(0.01)
    assert not (await service.directory(core, shop.merchant.id)).verified
    late = await service.ensure_account(core, shop.merchant.id, "USD")
    for one in (account, late):
        assert (await core.ledger.lookup_accounts([one]))[one].flags & FROZEN == FROZEN

    await service.set_status(core, shop.merchant.id, "closed", Act("Lin", "It gave up"))
    assert (await core.ledger.lookup_accounts([account]))[account].flags & FROZEN == AccountFlag.CREDITS_FROZEN
    await service.set_status(core, shop.merchant.id, "active", Act("Lin", "It came back"))
    assert not (await core.ledger.lookup_accounts([account]))[account].flags & FROZEN
    assert [(row.act, row.maker) for row in await service.acts_of(core, shop.merchant.id)] == [
        ("frozen", "Lin"), ("closed", "Lin"), ("active", "Lin"),
    ]  # fmt: skip


async def test_the_card_is_at_hand_once_it_was_asked_for(core: Core) -> None:
    """The pay path asks nobody for a payee's name."""
    shop = await a_shop(core, "快乐超市", name_latin="HAPPY MART", city="BEIJING", mcc="5411")
    assert service.card_now(shop.merchant.id) is None

    asked = await service.directory(core, shop.merchant.id)

    assert service.card_now(shop.merchant.id) == asked == shop.merchant
    with pytest.raises(Refused, match="not_found"):
        await service.directory(core, new_id())


def test_what_was_read_before_a_change_is_not_remembered_after_it() -> None:
    """A reader that was overtaken by the news cannot put the old value back."""
    cards = Remembered[str, int](limit=4)
    reading = cards.reading
    cards.forget("a")
    cards.put("a", 1, reading)
    assert cards.get("a") is None

    for key in "abcd":
        cards.put(key, ord(key), cards.reading)
    assert [cards.get(key) for key in "abcd"] == [None, None, ord("c"), ord("d")]


async def test_a_merchant_uses_its_own_stores_and_terminals_only(core: Core) -> None:
    """Another's terminal, or a terminal of another store, does not exist (rules.md 9, row 51)."""
    shop, other = await a_shop(core), await a_shop(core, "Other Mart")
    store_a = await service.add_store(core, shop.merchant.id, "Main", "S01")
    store_b = await service.add_store(core, shop.merchant.id, "Side", "S02")
    till = await service.add_terminal(core, shop.merchant.id, store_a.id, "Till 1", "T01")

    found = await service.place(core, shop.merchant.id, None, till.id)
    assert (found.store, found.terminal) == (store_a, till)
    assert (await service.place(core, shop.merchant.id, store_b.id, None)).terminal is None

    for merchant, at_store, at_till in (
        (other.merchant.id, store_a.id, None),
        (other.merchant.id, None, till.id),
        (shop.merchant.id, store_b.id, till.id),
        (shop.merchant.id, new_id(), None),
    ):
        with pytest.raises(Refused, match="not_found"):
            await service.place(core, merchant, at_store, at_till)
    with pytest.raises(Refused, match="not_found"):
        await service.add_terminal(core, other.merchant.id, store_a.id, "Mine", "T02")
    with pytest.raises(Refused, match="code_taken"):
        await service.add_store(core, shop.merchant.id, "Again", "S01")


async def test_a_merchant_sees_itself(core: Core) -> None:
    """Name, stores and terminals, with ids as the wire writes them."""
    shop = await a_shop(core)
    main = await service.add_store(core, shop.merchant.id, "Main", "S01")
    await service.add_terminal(core, shop.merchant.id, main.id, "Till 1", "T01")

    seen = await service.view(core, shop.merchant.id)

    assert re.fullmatch(r"mer_[0-9A-HJKMNP-TV-Z]{26}", seen.id)
    assert [(each.code, [till.code for till in each.terminals]) for each in seen.stores] == [("S01", ["T01"])]


async def test_a_merchants_account_is_derived_and_opened_once(core: Core) -> None:
    """Any number of callers at once open one account, which may not be overdrawn and has a name."""
    shop = await a_shop(core)

    opened = await asyncio.gather(*(service.ensure_account(core, shop.merchant.id, "CNY") for _ in range(8)))

    [account] = set(opened)
    assert account == claim("merchant_account", shop.merchant.id, "CNY")
    row = (await core.ledger.lookup_accounts([account]))[account]
    assert (row.code, row.flags) == (AccountCode.MERCHANT, AccountFlag.DEBITS_MUST_NOT_EXCEED_CREDITS)
    assert await service.names_of_accounts(core, {account}) == {account: "Happy Mart"}
    [line] = (await service.balances(core, shop.merchant.id)).data
    assert (line.currency, line.balance.posted) == ("CNY", 0)


@pytest.mark.parametrize("mcc", ["7995", "0000"])
async def test_a_category_that_is_not_served_is_refused(core: Core, mcc: str) -> None:
    """Betting, and what is no category (rules.md 3.5)."""
    with pytest.raises(Refused, match="merchant_category_refused"):
        await a_shop(core, mcc=mcc)


async def test_a_name_a_code_cannot_hold_needs_a_latin_one(core: Core) -> None:
    """EMV 59 is ASCII of at most 25 characters."""
    for name in ("快乐超市", "A" * 26):
        with pytest.raises(Refused, match="latin_name_missing"):
            await a_shop(core, name)
