"""`qrpay serve` with the tiny worker: the settings come from the environment, and there is nothing to migrate."""

import sys

from qrpay import supervisor
from qrpay.settings import read_settings


async def migrate(dsn: str) -> None:
    """The tiny worker needs no tables."""


if __name__ == "__main__":
    command = (sys.executable, "-m", "tests.processes.tiny_worker")
    sys.exit(supervisor.run(read_settings(), migrate, command))
