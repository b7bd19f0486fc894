"""Core: what every service is handed, one a process."""

from typing import TYPE_CHECKING

from msgspec import Struct

from qrpay.codes.payload import Reader
from qrpay.codes.signing import Keyring
from qrpay.database.pool import Database
from qrpay.hub import Hub
from qrpay.ledger.model import Ledger
from qrpay.settings import Settings
from qrpay.values import Clock
from qrpay.vault import Vault

if TYPE_CHECKING:
    from qrpay.background.model import Event


class Core(Struct, frozen=True):
    """The shared things: what is set, what time it is, where it is kept, who moves money, who signs, who waits."""

    settings: Settings
    clock: Clock
    database: Database
    ledger: Ledger
    keyring: Keyring
    reader: Reader
    vault: Vault
    hub: "Hub[Event]"
