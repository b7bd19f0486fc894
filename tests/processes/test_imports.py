"""What a web worker loads: what every request may need. The rest is loaded by whoever needs it, when they do."""

import subprocess
import sys
from typing import Final

RARE: Final = (
    "PIL", "cbor2", "greenlet", "lxml", "phonenumbers", "pygments", "qrcode", "reportlab", "rich", "stdnum",
    "webauthn", "xlsxwriter", "zxingcpp",
)  # fmt: skip
LOADED: Final = """
import sys
sys.modules |= {"rich": None, "greenlet": None}
import qrpay.worker
from qrpay.app import features
features()
print(*sorted(name for name, module in sys.modules.items() if module is not None))
"""


def test_a_worker_does_not_hold_what_few_requests_need() -> None:
    """Each of these takes up to 6 MB of every worker: import it where it is used, in the function that does."""
    loaded = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, text=True, check=True).stdout.split()
    assert "qrpay.features.payments.service" in loaded
    assert not set(RARE) & set(loaded)
