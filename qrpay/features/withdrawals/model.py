"""Withdrawals, as they travel and as they are kept."""

from datetime import datetime
from typing import Literal

from msgspec import Struct

from qrpay.features.e_accounts.model import Pin
from qrpay.features.orders.model import IdText
from qrpay.values import Amount, Id

Speed = Literal["instant", "T+1"]
Status = Literal["asked", "sent", "paid", "rejected", "returned"]


class NewWithdrawal(Struct, frozen=True, forbid_unknown_fields=True):
    """Send money to the bound account.

    speed    `instant`, or `T+1`: with the beginning of the next bank day
    account  which of mine pays; left out: the token's
    """

    amount: Amount
    pin: Pin
    speed: Speed = "instant"
    account: IdText | None = None

    def __repr__(self) -> str:
        """Without the PIN."""
        return "NewWithdrawal(…)"


class Withdrawal(Struct, frozen=True):
    """A withdrawal and how far it has come.

    status  `asked`: nothing is held yet; `pending`: the money is held; `paid`: the clearing house has booked it;
            `rejected`: the money is free again; `returned`: it was booked, came back and is in the account again
    to      the bound account, masked
    """

    id: str
    status: Literal["asked", "pending", "paid", "rejected", "returned"]
    amount: int
    currency: str
    speed: Speed
    to: str
    reason: str | None
    created_at: str
    due_at: str


class Row(Struct, frozen=True):
    """A withdrawal at rest."""

    id: Id
    customer: Id
    account: Id
    amount: int
    currency: str
    speed: Speed
    to_masked: str
    status: Status
    reason: str | None
    created_at: datetime
    due_at: datetime
