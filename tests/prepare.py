"""Makes what the tests need and pip cannot bring: a browser, a Chinese font, PostgreSQL 15. Always ends well.

python -m tests.prepare                  finds or installs them, and says what it did
python -m tests.prepare --postgres-15    says the folder of PostgreSQL 15's programs; nothing when there is none
"""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
POSTGRES_15 = (
    "/usr/lib/postgresql/15/bin", "/usr/pgsql-15/bin",
    "/opt/homebrew/opt/postgresql@15/bin", "/usr/local/opt/postgresql@15/bin",
)  # fmt: skip
"""Where Debian, Red Hat and Homebrew put it: the oldest PostgreSQL that qrpay promises to run on."""
NO_CLUSTER = Path("/etc/postgresql-common/createcluster.conf")
INSTALL_S_MAX = 600


def browser() -> str | None:
    """The path of a Chromium on this machine."""
    return next((path for name in BROWSERS if (path := shutil.which(name))), None)


def draws_chinese() -> bool:
    """Whether a font here has Chinese characters; screenshots show boxes without one."""
    if shutil.which("fc-list") is None:
        return False
    return bool(subprocess.run(["fc-list", ":lang=zh", "family"], capture_output=True, check=False).stdout.strip())


def missing() -> list[str]:
    """Debian's packages that the browser tests still need."""
    return [*([] if browser() else ["chromium"]), *([] if draws_chinese() else ["fonts-noto-cjk", "fontconfig"])]


def postgres_15() -> str | None:
    """The folder of PostgreSQL 15's programs on this machine."""
    return next((folder for folder in POSTGRES_15 if Path(folder, "initdb").is_file()), None)


def install(packages: list[str], purpose: str) -> None:
    """Install Debian packages as root, saying every few seconds how far it is."""
    print(f"installing {' and '.join(packages)} for {purpose} (once, a few minutes at most)", flush=True)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    began = time.monotonic()
    for command in (["update"], ["install", "--yes", "--no-install-recommends", *packages]):
        running = subprocess.Popen(
            ["apt-get", "-q", *command], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        while running.poll() is None:
            try:
                running.wait(timeout=5)
            except subprocess.TimeoutExpired:
                print(f"  apt-get {command[0]}: {time.monotonic() - began:.0f} s", flush=True)
            if time.monotonic() - began > INSTALL_S_MAX:
                running.kill()
                return


def install_postgres_15() -> None:
    """Install Debian's PostgreSQL 15, without the server of its own that the package would start on port 5432."""
    install(["postgresql-common"], "the tests on PostgreSQL 15")
    if NO_CLUSTER.is_file():
        kept = [line for line in NO_CLUSTER.read_text().splitlines() if "create_main_cluster" not in line]
        NO_CLUSTER.write_text("\n".join([*kept, "create_main_cluster = false", ""]))
    install(["postgresql-15"], "the tests on PostgreSQL 15")


def main() -> None:
    """Find or install; where neither is possible, say in one line what to install."""
    installs = os.geteuid() == 0 and shutil.which("apt-get") is not None
    if installs and missing():
        install(missing(), "the browser tests")
    if lacking := missing():
        print(f"the browser tests need more: sudo apt-get install {' '.join(lacking)}")
    else:
        print(f"browser tests use {browser()}")
    if installs and postgres_15() is None:
        install_postgres_15()
    if found := postgres_15():
        print(f"database tests run twice: first on PostgreSQL 15 in {found}, then with all others on the embedded one")
    else:
        print("database tests run on the embedded PostgreSQL alone; for the oldest: sudo apt-get install postgresql-15")


if __name__ == "__main__":
    if sys.argv[1:] == ["--postgres-15"]:
        print(postgres_15() or "")
    else:
        main()
    sys.exit(0)
