"""`make demo ONCE=1`: what a newcomer sees first, as a process of its own on a database of its own."""

import os
import socket
import stat
import subprocess
import sys
from pathlib import Path

import msgspec

from qrpay.demo import Demo

ROOT = Path(__file__).parent.parent.parent


def run_demo(home: Path) -> subprocess.CompletedProcess[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environ = {**os.environ, "QRPAY_HOME": str(home), "QRPAY_PORT": str(port), "COLUMNS": "400"}
    command = [sys.executable, "-m", "qrpay", "demo", "--once"]
    return subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=120, check=False)


def test_a_newcomer_sees_a_payment_each_way_and_twice_the_same_world(tmp_path: Path) -> None:
    """Every step is shown and held; demo.json is as the contract says; a second run finds the same people again."""
    first = run_demo(tmp_path)
    assert first.returncode == 0, first.stdout + first.stderr
    for said in (
        "the code says: pay 快乐超市 12.50 CNY, signature holds",
        "sent again, it answers with the same payment and takes nothing",
        "the till was waiting and is told: paid",
        "the till reports the scan and is told: paid, 8.80 CNY",
        "order.paid of DEMO-",
        "The signature holds: this payment stands.",
        "money light: debits = credits in every currency",
        "/pos#key=sk_live_",
        "/wallet#token=at_",
    ):
        assert said in first.stdout, said
    path = tmp_path / "demo.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    demo = msgspec.json.decode(path.read_bytes(), type=Demo)
    assert [len(demo.customers), demo.merchant.id[:4], demo.customers[0].account[:4]] == [2, "mer_", "acc_"]

    second = run_demo(tmp_path)
    assert second.returncode == 0, second.stdout + second.stderr
    again = msgspec.json.decode(path.read_bytes(), type=Demo)
    assert again.merchant == demo.merchant
    assert [one.id for one in again.customers] == [one.id for one in demo.customers]
