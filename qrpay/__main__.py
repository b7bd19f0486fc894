"""python -m qrpay"""

import sys

if sys.argv[1:2] == ["work"]:
    # structlog would load rich (15 MB) for pretty tracebacks, which a worker never prints, and greenlet where a tool
    # for tests has brought it. None is how an import is refused.
    sys.modules |= {"rich": None, "greenlet": None}  # type: ignore[dict-item]

from qrpay.cli import main

main()
