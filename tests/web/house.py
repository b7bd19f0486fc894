"""The whole house in this process, with settings and time in the test's hands, behind a real loopback port."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from qrpay.app import features
from qrpay.core import Core
from qrpay.database.pool import Database
from qrpay.demo import Demo, DemoCustomer, DemoMerchant, DemoOperator
from qrpay.features.e_accounts import service as e_accounts
from qrpay.features.e_accounts.model import NO_CAPS, Caps, NewCustomer
from qrpay.features.merchants import service as merchants
from qrpay.features.merchants.model import NewMerchant
from qrpay.values import id_text, new_id
from qrpay.web.server import serve
from tests.features.conftest import HandClock, core_over
from tests.web.world import Api, calling

TOKEN_S = 3 * 86_400


class House:
    """One worker and a caller of it."""

    def __init__(self, core: Core, clock: HandClock, api: Api) -> None:
        self.core = core
        self.clock = clock
        self.api = api


@asynccontextmanager
async def house(
    database: Database, *, balance: int = 5_000_000, caps: Caps | None = NO_CAPS, **settings: object
) -> AsyncIterator[House]:
    """Serve every feature with these settings; two shops, two customers with a balance. `caps` None: their class's."""
    clock = HandClock()
    listener = socket.create_server(("127.0.0.1", 0), backlog=4_096)
    port = listener.getsockname()[1]
    core = core_over(database, clock, port=port, **settings)
    for feature in features():
        for start in feature.starts:
            await start(core)
    core.reviews.extend(review for feature in features() for review in feature.reviews)
    core.finders.extend(finder for feature in features() for finder in feature.finders)
    chapters = [chapter for feature in features() for chapter in feature.routes]
    credentials = [credential for feature in features() for credential in feature.credentials]
    stop, ready = asyncio.Event(), asyncio.Event()
    server = asyncio.create_task(serve(core, chapters, credentials, listener, stop, ready.set))
    try:
        await asyncio.wait_for(ready.wait(), 5)
        demo = Demo(
            base_url=f"http://127.0.0.1:{port}",
            merchant=await _shop(core, "Tea"),
            other_merchant=await _shop(core, "Bun"),
            customers=[await _customer(core, name, balance, caps) for name in ("Ana", "Bo")],
            operator=DemoOperator("", "approver", "", ""),  # tests.features.people signs in whom a test needs
            other_operator=DemoOperator("", "clerk", "", ""),
        )
        async with calling(demo) as api:
            yield House(core, clock, api)
    finally:
        stop.set()
        await asyncio.wait_for(server, 15)
        for batcher in core.batchers.values():
            await batcher.close()
        await core.ledger.close()


async def _shop(core: Core, name: str) -> DemoMerchant:
    onboarded = await merchants.add(core, NewMerchant(name=name, mcc="5411"))
    id = onboarded.merchant.id
    store = await merchants.add_store(core, id, "Main Street", "M1")
    terminal = await merchants.add_terminal(core, id, store.id, "Till 1", "T1")
    await merchants.ensure_account(core, id, "CNY")
    return DemoMerchant(
        id_text("mer_", id), onboarded.secret.text, id_text("sto_", store.id), id_text("ter_", terminal.id)
    )


async def _customer(core: Core, name: str, balance: int, caps: Caps | None) -> DemoCustomer:
    phone = f"13{new_id().int % 10**9:09d}"
    opened = await e_accounts.add_customer(core, NewCustomer(name=name, phone=phone, pin="246810", caps=caps))
    account = opened.account.id
    if balance:
        await e_accounts.top_up(core, account, balance, f"float-{new_id().hex}")
    token = await e_accounts.issue_token(core, opened.customer.id, account, TOKEN_S)
    return DemoCustomer(id_text("cus_", opened.customer.id), id_text("acc_", account), token, "246810")
