"""Nothing secret leaves: logs, metrics and refusals are searched for what they must not say (row 65)."""

import asyncio
import signal
import socket
import subprocess
import sys
from pathlib import Path

from qrpay.database.migrator import APPLICATION
from qrpay.database.pool import dsn_as
from qrpay.demo import WIDE, seeded
from qrpay.settings import Settings
from qrpay.supervisor import environment
from tests.web.world import Api, calling, fresh


async def test_logs_metrics_and_refusals_hold_no_secret(fresh_dsn: str, tmp_path: Path) -> None:
    """At the most talkative level: no token, key, code, PIN, phone number, name or card-like number in clear."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    settings = Settings(
        home=str(tmp_path), port=port, workers=1, database_url=dsn_as(fresh_dsn, APPLICATION), migration_url=fresh_dsn,
        log_level="debug", **WIDE,
    )  # fmt: skip
    log = tmp_path / "log"
    with log.open("wb") as sink:
        server = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "qrpay", "serve", env=environment(settings, process=""), stdin=subprocess.DEVNULL,
            stdout=sink, stderr=sink, process_group=0,
        )  # fmt: skip
    try:
        async with asyncio.timeout(60):
            while True:
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", port)
                except ConnectionError:
                    await asyncio.sleep(0.1)
                else:
                    writer.close()
                    break
        demo = await asyncio.to_thread(seeded, settings)
        async with calling(demo) as api:
            secrets, shown = await _provoke(api)
    finally:
        server.send_signal(signal.SIGTERM)
        await server.wait()
    text = log.read_text(encoding="utf-8", errors="replace") + shown
    assert '"event"' in text, "something was logged"
    for secret in secrets:
        assert secret not in text, f"{secret[:6]}… is shown"


async def _provoke(api: Api) -> tuple[list[str], str]:
    """Good and bad calls that carry secrets; the secrets, and all that was shown to others."""
    order = await api.order(amount=100_000)
    digits = await api.digits(api.ana)
    pin = api.demo.customers[0].pin
    wrong_pin, card = "864209", "4111111111111111"
    shown = [
        await api.pay(api.ana, order, pin=wrong_pin), await api.pay(api.ana, order, pin=pin),
        await api.pay(api.bo, order), await api.report(api.shop, digits), await api.report(api.other_shop, digits),
        await api.post("/v1/payments", api.ana, {"scanned": card, "pin": wrong_pin}),
        await api.post("/v1/payments", api.ana, raw=f'{{"pin":"{wrong_pin}",'.encode()),
        await api.post("/v1/payments", f"{api.ana}x", {"order": order["id"]}),
        await api.get(f"/v1/orders/{api.shop}", api.shop), await api.get(f"/v1/orders?cursor={api.shop}", api.shop),
        await api.get(f"/{api.ana}"), await api.get("/metrics"), await api.get("/readyz"),
        await api.post("/v1/orders", api.shop, {"reference": fresh(), "amount": 1, "currency": "CNY", card: 1}),
    ]  # fmt: skip
    people = ["13800138000", "13900139000", "王小雨"]
    secrets = [api.shop, api.other_shop, api.ana, api.bo, digits, pin, wrong_pin, *people]
    refusals = "".join(said.body.decode() for said in shown if said.status >= 400 or b"qrpay_" in said.body)
    return secrets, refusals
