"""The test payer: a customer of the test ledgers whom nobody else can be."""

from typing import Final

PAYER_NAME: Final = "测试付款人"
PAYER_PHONE: Final = "10000000000"
"""No mobile number begins with 10, so that no door opens this customer for anybody."""
