"""Transfers through TigerBeetle's Python client, to one hot account. Runs in a venv of its own.

    python driver.py ADDRESS [CLUSTER], then a line `BATCH SECONDS` on stdin for each measurement; answers a line of
    JSON.

Two batches are under way at a time, each of BATCH transfers, as qrpay's own batcher has it: so this is the ledger
alone, without HTTP, token, signature and caps.
"""

import asyncio
import json
import sys
import time

import tigerbeetle as tb

PAYERS = 10_000
BATCH_MAX = 8_000
LEDGER = 156
IN_FLIGHT = 2


async def main(address: str, cluster: int) -> None:
    """Open accounts, then measure as told."""
    with_commas = address if ":" in address else f"127.0.0.1:{address}"
    async with tb.ClientAsync(cluster_id=cluster, replica_addresses=with_commas) as client:
        shop, payers = tb.id(), [tb.id() for _ in range(PAYERS)]
        for start in range(0, PAYERS, BATCH_MAX):
            await client.create_accounts(
                [tb.Account(id=one, ledger=LEDGER, code=1) for one in [*payers[start : start + BATCH_MAX]]]
            )
        await client.create_accounts([tb.Account(id=shop, ledger=LEDGER, code=2)])
        print(json.dumps({"ready": True}), flush=True)
        loop = asyncio.get_running_loop()
        while line := await loop.run_in_executor(None, sys.stdin.readline):
            batch, seconds = line.split()
            print(json.dumps(await measure(client, shop, payers, int(batch), float(seconds))), flush=True)


async def measure(client, shop, payers, batch: int, seconds: float) -> dict[str, object]:  # type: ignore[no-untyped-def]
    """Post batches for so long; the latency of a batch counts for each of its transfers."""
    latencies: list[float] = []
    refused = place = 0
    began, cpu = time.perf_counter(), time.process_time()
    until = began + seconds

    async def lane() -> None:
        nonlocal place, refused
        while (sent := time.perf_counter()) < until:
            transfers = [
                tb.Transfer(
                    id=tb.id(), debit_account_id=payers[(place + n) % PAYERS], credit_account_id=shop, amount=1,
                    ledger=LEDGER, code=10,
                )
                for n in range(batch)
            ]  # fmt: skip
            place += batch
            results = await client.create_transfers(transfers)
            created = sum(getattr(one, "status", None) == tb.CreateTransferStatus.CREATED for one in results)
            refused += batch - created
            latencies.extend([time.perf_counter() - sent] * created)

    await asyncio.gather(*(lane() for _ in range(IN_FLIGHT)))
    return {
        "seconds": time.perf_counter() - began,
        "cpu_s": time.process_time() - cpu,
        "latencies": sorted(latencies),
        "refused": refused,
    }


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 0))
