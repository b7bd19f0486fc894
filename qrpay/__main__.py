"""python -m qrpay"""

from qrpay.cli import main

main()
