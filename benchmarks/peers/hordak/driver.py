"""Payments through django-hordak: `Account.transfer_to` in a transaction, from threads. Runs in a venv of its own.

    python driver.py DSN, then a line `CALLERS SECONDS` on stdin for each measurement; answers a line of JSON.

Without HTTP in front, which flatters it. Hordak checks in the database that each transaction's legs sum to zero; it
guards no balance and knows no idempotency.
"""

import json
import sys
import threading
import time
from urllib.parse import parse_qs, urlsplit

import django
from django.conf import settings

THREADS_MAX = 16
PAYERS = 1_000


def configure(dsn: str) -> None:
    """Django, with nothing but what hordak needs."""
    parts = urlsplit(dsn)
    host = parse_qs(parts.query).get("host", [parts.hostname or ""])[0]
    settings.configure(
        DATABASES={
            "default": {
                "ENGINE": "django.db.backends.postgresql", "NAME": parts.path.lstrip("/"), "USER": parts.username,
                "PASSWORD": parts.password or "", "HOST": host, "PORT": str(parts.port or ""), "CONN_MAX_AGE": None,
            }
        },
        INSTALLED_APPS=["django.contrib.contenttypes", "mptt", "hordak"],
        DEFAULT_AUTO_FIELD="django.db.models.AutoField", USE_TZ=True, SECRET_KEY="only-for-a-benchmark",
        DEFAULT_CURRENCY="CNY", CURRENCIES=["CNY"], HORDAK_INTERNAL_CURRENCY="CNY",
    )  # fmt: skip
    django.setup()


def main() -> None:
    """Migrate, open accounts, then measure as told."""
    configure(sys.argv[1])
    from django.core.management import call_command
    from django.db import connection, transaction
    from hordak.models import Account
    from moneyed import Money

    call_command("migrate", verbosity=0)
    shop = Account.objects.create(name="Shop", code="1", type="LI", currencies=["CNY"])
    payers = [
        Account.objects.create(name=f"Payer {n}", code=str(n + 2), type="LI", currencies=["CNY"]) for n in range(PAYERS)
    ]
    print(json.dumps({"ready": True}), flush=True)

    def work(first: int, until: float, latencies: list[float]) -> None:
        place = first
        while (began := time.perf_counter()) < until:
            with transaction.atomic():
                payers[place % PAYERS].transfer_to(shop, Money("1.00", "CNY"))
            latencies.append(time.perf_counter() - began)
            place += THREADS_MAX
        connection.close()

    for line in sys.stdin:
        callers, seconds = line.split()
        found: list[list[float]] = [[] for _ in range(min(THREADS_MAX, int(callers)))]
        began, cpu = time.perf_counter(), time.process_time()
        until = began + float(seconds)
        threads = [threading.Thread(target=work, args=(n, until, one)) for n, one in enumerate(found)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        took, used = time.perf_counter() - began, time.process_time() - cpu
        latencies = sorted(latency for one in found for latency in one)
        print(json.dumps({"seconds": took, "cpu_s": used, "latencies": latencies}), flush=True)


if __name__ == "__main__":
    main()
