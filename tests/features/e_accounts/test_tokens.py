"""Access tokens: only ours, only in time, only in one spelling (rules.md 9, rows 49 and 59)."""

import base64
import json
import os
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import timedelta

import pytest

from qrpay.features.e_accounts.tokens import MAC_BYTES, PURPOSE, token_of, wallet_of
from qrpay.problem import Refused
from qrpay.values import new_id, utc_now
from qrpay.vault import Vault
from qrpay.web.callers import Wallet

VAULT = Vault(os.urandom(32))
NOW = utc_now().replace(microsecond=0)
WALLET = Wallet(new_id(), new_id(), 156, int(NOW.timestamp()) + 900, "张*")


def refusal(text: str, *, vault: Vault = VAULT, later: timedelta = timedelta(0)) -> str:
    """The code with which a token is refused."""
    with pytest.raises(Refused) as refused:
        wallet_of(vault, text, NOW + later)
    return refused.value.problem.code


def spelled(raw: bytes) -> str:
    """Raw bytes as a token."""
    return "at_" + urlsafe_b64encode(raw).decode()


@pytest.mark.parametrize("name", ["张*", "A**", "", "阿" * 21])
@pytest.mark.parametrize("ledger", [48, 901])
def test_a_token_says_what_was_signed(name: str, ledger: int) -> None:
    """Whatever the length of the name, it comes back whole, in a plain text without padding."""
    wallet = Wallet(WALLET.id, WALLET.account, ledger, WALLET.expires_at, name)
    text = token_of(VAULT, wallet)

    assert wallet_of(VAULT, text, NOW) == wallet
    assert text[3:].replace("-", "").replace("_", "").isalnum()


def test_every_changed_bit_is_refused() -> None:
    """No bit of customer, account, currency, expiry, name or hash can be turned."""
    raw = urlsafe_b64decode(token_of(VAULT, WALLET)[3:])
    for bit in range(len(raw) * 8):
        forged = bytearray(raw)
        forged[bit // 8] ^= 1 << bit % 8
        assert refusal(spelled(bytes(forged))) == "unauthenticated"


def test_a_token_has_one_spelling() -> None:
    """Characters that Python's decoder skips, other alphabets, padding and white space make another text: refused."""
    text = token_of(VAULT, WALLET)
    for other in (
        text + "=", text + "\n", text + " ", text[:10] + "!" + text[10:], text[:10] + "\n" + text[10:],
        "AT_" + text[3:], text[3:], text + "AAAA", text[:-4], "at_", "", "at_" + "A" * 10_000, "at_é",
    ):  # fmt: skip
        assert refusal(other) == "unauthenticated"


def test_a_token_ends_on_the_second() -> None:
    """In its last second it counts; from its expiry on it has expired, which is told apart from a forged one."""
    text = token_of(VAULT, WALLET)

    assert wallet_of(VAULT, text, NOW + timedelta(seconds=899.9)) == WALLET
    assert refusal(text, later=timedelta(seconds=900)) == "token_expired"
    assert refusal(text[:-1] + ("A" if text[-1] != "A" else "B"), later=timedelta(days=1)) == "unauthenticated"


def test_a_token_cannot_choose_its_algorithm() -> None:
    """`alg: none`, a JWT under HMAC, another version, another purpose's key: all are nobody (rules.md 4.1)."""
    header = base64.urlsafe_b64encode(json.dumps({"alg": "none"}).encode()).decode()
    body = urlsafe_b64decode(token_of(VAULT, WALLET)[3:])[:-MAC_BYTES]
    other_version = bytes([2]) + body[1:]
    attempts = (
        f"at_{header}.e30.",
        f"at_{header}",
        spelled(body),
        spelled(body + bytes(MAC_BYTES)),
        spelled(body + VAULT.mac("merchant-key", body, MAC_BYTES)),
        spelled(other_version + VAULT.mac(PURPOSE, other_version, MAC_BYTES)),
    )
    for attempt in attempts:
        assert refusal(attempt) == "unauthenticated"


def test_a_token_of_another_house_is_nobody_here() -> None:
    """Another master key signs for other processes."""
    assert refusal(token_of(Vault(os.urandom(32)), WALLET)) == "unauthenticated"
