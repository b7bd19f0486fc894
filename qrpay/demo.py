"""`make demo`: one payment from end to end on real parts, shown step by step; then wallet and till are served."""

import asyncio
import contextlib
import os
import secrets
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import aiohttp
import msgspec
from aiohttp import web
from msgspec import Struct
from rich.console import Console
from rich.table import Table

import qrpay
from qrpay.app import open_core
from qrpay.codes import image
from qrpay.core import Core
from qrpay.features.e_accounts import service as e_accounts
from qrpay.features.e_accounts.model import NO_CAPS, NewCustomer
from qrpay.features.merchants import keys
from qrpay.features.merchants import service as merchants
from qrpay.features.merchants.model import NewMerchant
from qrpay.features.operators import sessions as operators
from qrpay.features.operators.model import Enrol
from qrpay.settings import Settings
from qrpay.shell import database
from qrpay.supervisor import environment
from qrpay.values import CURRENCIES, decimal_text, id_text
from qrpay.web.callers import OperatorRole

TOKEN_S: Final = 12 * 3600
START_S_MAX: Final = 60.0
WEBHOOK_S_MAX: Final = 15.0
FLOAT: Final = 5_000_000  # 50,000.00 for each customer
WIDE: Final[dict[str, Any]] = {
    "access_token_s": TOKEN_S, "webhook_loopback": True, "rate_per_s": 1e6, "rate_burst": 10**6, "key_publish_s": 60,
    "sign_in_tries": 10**6, "applications_per_hour": 10**6,
}  # fmt: skip
PEOPLE: Final = (("王小雨", "13800138000", "246810"), ("Bo Li", "13900139000", "135791"))


class DemoMerchant(Struct):
    """A merchant of the demo, with the secret that is otherwise shown once."""

    id: str
    secret_key: str
    store: str | None = None
    terminal: str | None = None


class DemoCustomer(Struct):
    """A customer of the demo."""

    id: str
    account: str
    access_token: str
    pin: str


class DemoOperator(Struct):
    """Somebody of the bank; the secret is what an authenticator would hold (base32)."""

    name: str
    role: OperatorRole
    password: str
    totp_secret: str


class Demo(Struct):
    """What `.qrpay/demo.json` says: all that a client needs to try."""

    base_url: str
    merchant: DemoMerchant
    other_merchant: DemoMerchant
    customers: list[DemoCustomer]
    operator: DemoOperator
    other_operator: DemoOperator


def run(settings: Settings, *, once: bool) -> int:
    """Show it. The exit status is 1 when anything did not come out as it must."""
    settings = msgspec.structs.replace(settings, **WIDE, workers=settings.workers or 1)
    console = Console(highlight=False)
    try:
        return asyncio.run(_run(settings, console, once=once))
    except KeyboardInterrupt:
        return 0


async def _run(settings: Settings, console: Console, *, once: bool) -> int:
    async with served(settings, console) as server:
        with console.status("seeding a merchant, a store, a terminal and two customers with money"):
            demo = await asyncio.to_thread(seeded, settings)
        console.print("[green]✓[/green] a merchant, a store, a terminal and two customers with 50,000.00 yuan each")
        async with aiohttp.ClientSession(demo.base_url) as http:
            held = await Story(settings, console, demo, http).tell()
        if not held:
            return 1
        _invite(console, settings, demo)
        if once:
            return 0
        console.print("[dim]serving until Ctrl-C[/dim]")
        return await server.wait()


# The server ----------------------------------------------------------------------------------------------------


@asynccontextmanager
async def served(settings: Settings, console: Console) -> AsyncIterator[asyncio.subprocess.Process]:
    """`qrpay serve` as its own process, ready; ended in good order."""
    environ = environment(settings, process="") | {"QRPAY_LOG_LEVEL": "warning"}
    server = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "qrpay", "serve", env=environ, process_group=0, stdin=subprocess.DEVNULL
    )
    try:
        with console.status("starting PostgreSQL and the server (some seconds the first time)"):
            await _ready(settings, server)
        console.print(f"[green]✓[/green] the server is ready on {settings.url}, PostgreSQL in {settings.home}/")
        yield server
    finally:
        with contextlib.suppress(ProcessLookupError):
            server.send_signal(signal.SIGTERM)
        await server.wait()


async def _ready(settings: Settings, server: asyncio.subprocess.Process) -> None:
    until = asyncio.get_running_loop().time() + START_S_MAX
    async with aiohttp.ClientSession(settings.url) as http:
        while asyncio.get_running_loop().time() < until:
            if server.returncode is not None:
                raise SystemExit("the server did not start: it says why above")
            with contextlib.suppress(aiohttp.ClientError):
                async with http.get("/readyz") as answer:
                    if answer.status == 200:
                        return
            await asyncio.sleep(0.1)
    raise SystemExit(f"the server was not ready within {START_S_MAX:.0f} s")


# The people ----------------------------------------------------------------------------------------------------


def seeded(settings: Settings) -> Demo:
    """The demo's world, made once and found again; tokens are always fresh. Writes demo.json."""
    path = settings.folder / "demo.json"

    async def work(settings: Settings) -> Demo:
        async with open_core(settings) as core:
            known = _known(path)
            return Demo(
                base_url=settings.url,
                merchant=await _merchant(core, known.merchant if known else None, "快乐超市", "HAPPY MART"),
                other_merchant=await _merchant(core, known.other_merchant if known else None, "Tea House", None),
                customers=[await _customer(core, *person) for person in PEOPLE],
                operator=await _operator(core, "approver", "approver"),
                other_operator=await _operator(core, "clerk", "clerk"),
            )

    with database(settings) as with_database:
        demo = asyncio.run(work(with_database))
    path.touch(0o600)
    path.write_bytes(msgspec.json.format(msgspec.json.encode(demo), indent=2))
    return demo


def _known(path: Path) -> Demo | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=Demo)
    except (OSError, msgspec.MsgspecError):
        return None


async def _merchant(core: Core, known: DemoMerchant | None, name: str, latin: str | None) -> DemoMerchant:
    if known is not None:
        with contextlib.suppress(Exception):  # another database: its keys mean nothing there
            await keys.check_secret(core, known.secret_key)
            return known
    onboarded = await merchants.add(core, NewMerchant(name=name, name_latin=latin, mcc="5411"))
    id = onboarded.merchant.id
    store = await merchants.add_store(core, id, "Main Street", "M1")
    terminal = await merchants.add_terminal(core, id, store.id, "Till 1", "T1")
    await merchants.ensure_account(core, id, "CNY")
    return DemoMerchant(
        id_text("mer_", id), onboarded.secret.text, id_text("sto_", store.id), id_text("ter_", terminal.id)
    )


async def _customer(core: Core, name: str, phone: str, pin: str) -> DemoCustomer:
    known = await e_accounts.by_phone(core, phone)
    if known is None:
        opened = await e_accounts.add_customer(core, NewCustomer(name=name, phone=phone, pin=pin, caps=NO_CAPS))
        customer, account = opened.customer.id, opened.account.id
    else:
        customer = known.id
        account = (await e_accounts.own_accounts(core, customer))[0].id
    found = (await core.ledger.lookup_accounts([account]))[account]
    short = FLOAT - (found.credits_posted - found.debits_posted)
    if short > 0:
        await e_accounts.top_up(core, account, short, f"demo-{datetime.now(UTC):%Y%m%d%H%M%S%f}")
    token = await e_accounts.issue_token(core, customer, account, TOKEN_S)
    return DemoCustomer(id_text("cus_", customer), id_text("acc_", account), token, pin)


async def _operator(core: Core, name: str, role: OperatorRole) -> DemoOperator:
    """Somebody enrolled afresh, which ends what they had before."""
    known = await operators.named(core, name)
    row, link = await (operators.renew(core, name) if known else operators.add(core, name, role))
    password, secret = secrets.token_urlsafe(12), operators.totp_text(core, row)
    # By the code before the present one, which is thereby still good for the first sign-in.
    code = operators.code_at(core, row, -1)
    await operators.enrol(core, Enrol(link, password, code), "demo")
    return DemoOperator(name, role, password, secret)


# The story -----------------------------------------------------------------------------------------------------


class Story:
    """One payment each way, told step by step; every step is checked, not only shown."""

    def __init__(self, settings: Settings, console: Console, demo: Demo, http: aiohttp.ClientSession) -> None:
        self.settings = settings
        self.console = console
        self.demo = demo
        self.http = http
        self.heard: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    async def tell(self) -> bool:
        """All of it; whether everything came out as it must."""
        ana, bo = self.demo.customers
        before = [await self.balance(one) for one in (ana, bo)]
        async with self._receiver() as url:
            endpoint = await self.call("POST", "/v1/webhook-endpoints", self.merchant, {"url": url, "events": ["*"]})
            first = await self._wallet_scans(ana)
            second = await self._till_scans(bo)
            await self._webhook(first["id"], "order.paid")
            await self.call("DELETE", f"/v1/webhook-endpoints/{endpoint['id']}", self.merchant)
        await self._receipt(first)
        await self._ledger_lines((ana, bo))
        after = [await self.balance(one) for one in (ana, bo)]
        paid = [first["amount"], second["amount"]]
        assert [a - b for a, b in zip(before, after, strict=True)] == paid, "what was paid is what is missing"
        return await self._money_light()

    @property
    def merchant(self) -> str:
        return self.demo.merchant.secret_key

    async def call(self, method: str, path: str, key: str, body: object = None) -> dict[str, Any]:
        """One request as any client would send it; a refusal ends the demo with its own words."""
        headers = {"Authorization": f"Bearer {key}"}
        async with self.http.request(method, path, headers=headers, json=body) as answer:
            said = await answer.read()
            if answer.status >= 400:
                raise SystemExit(f"{method} {path} was refused: {said.decode()}")
            found: dict[str, Any] = msgspec.json.decode(said) if said else {}
            return found

    async def balance(self, customer: DemoCustomer) -> int:
        """What the customer can spend."""
        account = await self.call("GET", f"/v1/accounts/{customer.account}", customer.access_token)
        return int(account["balance"]["available"])

    def step(self, title: str) -> None:
        self.console.print(f"\n[bold]{title}[/bold]")

    def done(self, text: str) -> None:
        self.console.print(f"[green]✓[/green] {text}")

    async def _wallet_scans(self, customer: DemoCustomer) -> dict[str, Any]:
        self.step("1  The till asks for 12.50 and shows a signed code")
        reference = f"DEMO-{datetime.now(UTC):%Y%m%d%H%M%S%f}"
        order = await self.call("POST", "/v1/orders", self.merchant, {
            "reference": reference, "amount": 1250, "currency": "CNY", "description": "Tea and a bun",
            "store": self.demo.merchant.store, "terminal": self.demo.merchant.terminal,
        })  # fmt: skip
        payload = order["code"]["payload"]
        self.console.print(image.terminal(payload), highlight=False, markup=False)
        self.console.print(f"[dim]{payload}[/dim]", soft_wrap=True)
        self.step("2  A wallet scans it, sees what it says, and pays")
        scan = await self.call("POST", "/v1/scans", customer.access_token, {"scanned": payload})
        self.done(
            f"the code says: pay {scan['payee']['name']} {_money(scan['amount'], scan['currency'])}, signature holds"
        )
        waiting = asyncio.create_task(self.call("GET", f"/v1/orders/{order['id']}?wait=20", self.merchant))
        await asyncio.sleep(0.1)
        payment = await self.call("POST", "/v1/payments", customer.access_token, {"scanned": payload})
        self.done(f"paid at {payment['paid_at']}, once: the payment bears the order's id {payment['order']}")
        again = await self.call("POST", "/v1/payments", customer.access_token, {"scanned": payload})
        assert again == payment, "sent again, it is the same payment"
        self.done("sent again, it answers with the same payment and takes nothing")
        told = await waiting
        assert told["status"] == "paid"
        self.done(f"the till was waiting and is told: {told['status']}, by {told['payment']['payer']}")
        return told

    async def _till_scans(self, customer: DemoCustomer) -> dict[str, Any]:
        self.step("3  The other way round: a customer shows a one-time code, the till scans it")
        code = await self.call("POST", "/v1/payment-codes", customer.access_token)
        digits = code["digits"]
        self.done(f"the phone shows {' '.join(digits[at : at + 4] for at in range(0, 20, 4))} for a minute")
        report = {"scanned": digits, "reference": f"SCAN-{datetime.now(UTC):%Y%m%d%H%M%S%f}", "amount": 880,
                  "currency": "CNY", "terminal": self.demo.merchant.terminal}  # fmt: skip
        order = await self.call("POST", "/v1/callbacks/scan", self.merchant, report)
        assert order["status"] == "paid"
        self.done(f"the till reports the scan and is told: {order['status']}, {_money(order['amount'], 'CNY')}")
        assert await self.call("POST", "/v1/callbacks/scan", self.merchant, report) == order
        self.done("the report sent again gets the same answer")
        return order

    @asynccontextmanager
    async def _receiver(self) -> AsyncIterator[str]:
        """A small shop backend that is called when something happens."""

        async def hear(request: web.Request) -> web.Response:
            self.heard.put_nowait(
                {**msgspec.json.decode(await request.read()), "signed": "webhook-signature" in request.headers}
            )
            return web.Response()

        app = web.Application()
        app.router.add_post("/hook", hear)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        try:
            yield f"http://127.0.0.1:{port}/hook"
        finally:
            await runner.cleanup()

    async def _webhook(self, order: str, type: str) -> None:
        self.step("4  The shop's backend is told")
        with self.console.status("waiting for the webhook"):
            async with asyncio.timeout(WEBHOOK_S_MAX):
                while True:
                    event = await self.heard.get()
                    if event["type"] == type and event["data"]["id"] == order:
                        break
        assert event["signed"]
        self.done(f"webhook {event['id']}: {event['type']} of {event['data']['reference']}, signed")

    async def _receipt(self, order: dict[str, Any]) -> None:
        self.step("5  The receipt, verified offline with the public keys alone")
        async with self.http.get(f"/v1/receipts/{order['id']}") as answer:
            receipt = await answer.text()
        async with self.http.get("/.well-known/jwks.json") as answer:
            keys = await answer.read()
        jwks = self.settings.folder / "jwks.json"
        jwks.write_bytes(keys)
        script = Path(qrpay.__file__).parent.parent / "examples" / "verify_receipt.py"
        command = [sys.executable, str(script), str(jwks), receipt]
        said = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=False)
        assert said.returncode == 0, said.stdout + said.stderr
        for line in said.stdout.strip().splitlines():
            self.console.print(f"  [dim]{line}[/dim]", markup=True)
        self.done("the signature holds (examples/verify_receipt.py, standard library and cryptography only)")

    async def _ledger_lines(self, customers: Sequence[DemoCustomer]) -> None:
        self.step("6  The ledger")
        table = Table("payer", "what", "with", "amount", "at", box=None, pad_edge=False)
        for number, customer in enumerate(customers, 1):
            path = f"/v1/accounts/{customer.account}/entries?limit=2"
            for entry in (await self.call("GET", path, customer.access_token))["data"]:
                sign = "-" if entry["direction"] == "debit" else "+"
                amount = sign + _money(entry["amount"], entry["currency"])
                table.add_row(
                    f"customer {number}", entry["kind"], entry["counterparty"] or "the bank", amount, entry["at"]
                )
        self.console.print(table)

    async def _money_light(self) -> bool:
        async with self.http.get("/v1/ledger/conservation") as answer:
            light = await answer.json()
        if light["balanced"]:
            self.done("money light: debits = credits in every currency")
        else:
            self.console.print(f"[red]✗ money light: the books do not balance: {light}[/red]")
        return bool(light["balanced"])


def _money(amount: int, currency: str) -> str:
    return f"{decimal_text(amount, CURRENCIES[currency].exponent)} {currency}"


def _invite(console: Console, settings: Settings, demo: Demo) -> None:
    """Where to look now."""
    ana, bo = demo.customers
    till = f"#key={demo.merchant.secret_key}&store={demo.merchant.store}&terminal={demo.merchant.terminal}"
    console.print("\n[bold]Try it yourself[/bold] (open the till and a wallet side by side)")
    for name, path in (
        ("till", f"/pos{till}"),
        ("wallet 1", f"/wallet#token={ana.access_token}"),
        ("wallet 2", f"/wallet#token={bo.access_token}"),
        ("operators", "/operators"),
        ("reference", "/docs"),
    ):
        console.print(f"  {name:<10}{demo.base_url}{path}", soft_wrap=True)
    where = os.path.relpath(settings.folder / "demo.json")
    console.print(f"  {'keys':<10}{where} has all ids, keys, tokens and PINs ({ana.pin} and {bo.pin})")
