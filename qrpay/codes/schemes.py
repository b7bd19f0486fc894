"""Whose code is this? Names of other schemes, by what their public documents and codes in use carry."""

from typing import Final

from qrpay.codes.emv import Message

_BY_GUID: Final = (  # the first that starts so, in lower case; longer prefixes first
    ("a000000677010111", "PromptPay"),
    ("a000000677010112", "PromptPay"),
    ("a000000677", "Thai QR Payment"),
    ("br.gov.bcb.pix", "Pix"),
    ("sg.paynow", "PayNow"),
    ("sg.com.nets", "NETS"),
    ("a000000727", "VietQR"),
    ("hk.com.hkicl", "FPS"),
    ("id.co.qris", "QRIS"),
    ("a000000615", "DuitNow"),
    ("com.p2pqrpay", "QR Ph"),
    ("a000000333", "UnionPay"),
    ("a000000524", "RuPay"),
    ("a000000003", "Visa"),
    ("a000000004", "Mastercard"),
    ("a000000065", "JCB"),
    ("a000000025", "American Express"),
    ("a000000152", "Discover"),
)
_BY_ID: Final = {  # Table 4.1 of EMV QRCPS MPM
    "02": "Visa", "03": "Visa", "04": "Mastercard", "05": "Mastercard", "09": "Discover", "10": "Discover",
    "11": "American Express", "12": "American Express", "13": "JCB", "14": "JCB", "15": "UnionPay", "16": "UnionPay",
}  # fmt: skip


def scheme_of_guid(guid: str) -> str | None:
    """The scheme behind an AID or reverse domain name; None when it is not on the list."""
    return next((name for start, name in _BY_GUID if guid.lower().startswith(start)), None)


def scheme_of_message(message: Message) -> str:
    """The scheme of a merchant-presented code: a template we know, else a card scheme's own object, else its GUID."""
    guids = [inner.value for account in message.accounts() for inner in account.items if inner.id == "00"]
    known = next((name for guid in guids if (name := scheme_of_guid(guid))), None)
    card = next((_BY_ID[account.id] for account in message.accounts() if account.id in _BY_ID), None)
    return known or card or next(iter(guids), "EMV")
