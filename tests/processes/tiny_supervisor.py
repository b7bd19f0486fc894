"""`qrpay serve` with the tiny worker: the settings come from the environment, and there is nothing to migrate.

A first argument is the seconds after which a worker counts as hung.
"""

import sys

from qrpay import lifeline, logs, supervisor
from qrpay.settings import read_settings


async def migrate(_dsn: str) -> None:
    """The tiny worker needs no tables."""


if __name__ == "__main__":
    if sys.argv[1:]:
        lifeline.HUNG_S = float(sys.argv[1])  # type: ignore[misc]
    settings = read_settings()
    logs.configure(settings)
    sys.exit(supervisor.run(settings, migrate, (sys.executable, "-m", "tests.processes.tiny_worker")))
