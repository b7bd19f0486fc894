"""python -m qrpay"""

import sys

if sys.argv[1:2] == ["work"]:
    # structlog would load rich (15 MB) for pretty tracebacks, which a worker never prints.
    sys.modules["rich"] = None  # type: ignore[assignment] # None is how an import is refused

from qrpay.cli import main

main()
