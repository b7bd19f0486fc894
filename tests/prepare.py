"""Makes what the tests need and pip cannot bring: a browser and a Chinese font. Always ends well; says what it did."""

import os
import shutil
import subprocess
import sys
import time

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
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


def install(packages: list[str]) -> bool:
    """Install Debian packages as root, saying every few seconds how far it is; whether it worked."""
    print(f"installing {' and '.join(packages)} for the browser tests (once, a few minutes at most)", flush=True)
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
                return False
    return not missing()


def main() -> None:
    """Find or install; where neither is possible, say in one line what to install."""
    lacking = missing()
    if lacking and os.geteuid() == 0 and shutil.which("apt-get") and install(lacking):
        lacking = []
    if lacking:
        print(f"the browser tests need more: sudo apt-get install {' '.join(lacking)}")
    else:
        print(f"browser tests use {browser()}")


if __name__ == "__main__":
    main()
    sys.exit(0)
