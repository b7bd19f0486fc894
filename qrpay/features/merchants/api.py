"""What a merchant may ask about itself, and its owner about stores, terminals, keys and staff."""

from typing import Final

from qrpay.features.merchants import keys, service, signatures, staff, terminals
from qrpay.features.merchants.credentials import (
    KeyView,
    NewKey,
    NewSigner,
    NewStaff,
    PairAsk,
    Paired,
    PairingCode,
    Rotation,
    SignerView,
    SignIn,
    StaffChange,
    StaffSession,
    StaffView,
)
from qrpay.features.merchants.model import Balances, MerchantView, NewStore, NewTerminal, StoreView, TerminalView
from qrpay.features.merchants.problems import (
    code_taken,
    key_calling,
    key_ended,
    keys_full,
    merchant_name_refused,
    number_taken,
    pairing_code_unknown,
    signer_refused,
    signers_full,
    staff_code_wrong,
    staff_locked,
    terminal_needed,
)
from qrpay.problem import forbidden, not_found
from qrpay.values import Page, id_from_text
from qrpay.web.callers import Merchant
from qrpay.web.routes import PUBLIC, Call, Nothing, Routes

routes: Final = Routes("Merchants")


@routes.get("/v1/merchant", caller=Merchant, act="read", returns=MerchantView)
async def read_merchant(call: Call, _ask: Nothing) -> MerchantView:
    """Who am I: the calling merchant, its stores and terminals; for a terminal, its own store."""
    return await service.view(call.core, call.merchant.id, call.merchant.store)


@routes.get("/v1/balance", caller=Merchant, act="books", returns=Balances)
async def read_balance(call: Call, _ask: Nothing) -> Balances:
    """What is owed to the calling merchant, a line for each currency."""
    return await service.balances(call.core, call.merchant.id)


# Stores and terminals ------------------------------------------------------------------------------------------


@routes.post(
    "/v1/stores", caller=Merchant, body=NewStore, returns=StoreView, status=201,
    problems=[code_taken, merchant_name_refused],
)  # fmt: skip
async def create_store(call: Call, ask: NewStore) -> StoreView:
    """Open a store."""
    return service.store_shown(await service.add_store(call.core, call.merchant.id, ask.name, ask.code))


@routes.post(
    "/v1/stores/{store}/terminals", caller=Merchant, body=NewTerminal, returns=TerminalView, status=201,
    problems=[code_taken, merchant_name_refused],
)  # fmt: skip
async def create_terminal(call: Call, ask: NewTerminal) -> TerminalView:
    """Set up a terminal in a store; a device becomes it by a pairing code."""
    at = id_from_text("sto_", call.path["store"])
    if at is None:
        raise not_found()
    return service.terminal_shown(await service.add_terminal(call.core, call.merchant.id, at, ask.name, ask.code))


@routes.post("/v1/terminals/{terminal}/pairing-codes", caller=Merchant, returns=PairingCode, status=201)
async def create_pairing_code(call: Call, _ask: Nothing) -> PairingCode:
    """Get a code with which one device becomes this terminal, once, within ten minutes. The one before it ends."""
    return await terminals.offer(call.core, call.merchant.id, call.path["terminal"])


@routes.post("/v1/pairings", caller=PUBLIC, body=PairAsk, returns=Paired, status=201, problems=[pairing_code_unknown])
async def pair_terminal(call: Call, ask: PairAsk) -> Paired:
    """Become a terminal, with the code that its owner shows. The key in this answer is shown once."""
    return await terminals.pair(call.core, ask.code, call.wire.peer)


@routes.post("/v1/terminals/{terminal}/unpair", caller=Merchant, status=204)
async def unpair_terminal(call: Call, _ask: Nothing) -> None:
    """Take a terminal away from its device, such as a stolen one, and sign out whoever is at it; within seconds."""
    await terminals.unpair(call.core, call.merchant.id, call.path["terminal"])


# Keys ----------------------------------------------------------------------------------------------------------


@routes.post("/v1/keys", caller=Merchant, body=NewKey, returns=KeyView, status=201, problems=[keys_full])
async def create_key(call: Call, ask: NewKey) -> KeyView:
    """Make a secret key, held in by role, address range, signature and time. `secret_key` is shown this once."""
    return await keys.make(call.core, call.merchant.id, call.merchant.test, ask)


@routes.get("/v1/keys", caller=Merchant, returns=Page[KeyView])
async def list_keys(call: Call, _ask: Nothing) -> Page[KeyView]:
    """List your keys, oldest first, each by its last four characters."""
    return Page(await keys.listed(call.core, call.merchant.id))


@routes.post(
    "/v1/keys/{key}/rotate", caller=Merchant, body=Rotation, body_optional=True, returns=KeyView, status=201,
    problems=[key_ended, key_calling, keys_full],
)  # fmt: skip
async def rotate_key(call: Call, ask: Rotation) -> KeyView:
    """Make a key that takes an old one's place; the old one goes on for `overlap` seconds, a day unless you say."""
    who = call.merchant
    return await keys.rotate(call.core, who.id, who.test, call.path["key"], ask.overlap, who.key)


@routes.post("/v1/keys/{key}/revoke", caller=Merchant, returns=KeyView, problems=[key_calling])
async def revoke_key(call: Call, _ask: Nothing) -> KeyView:
    """End a key; every worker refuses it within five seconds. Safe to repeat."""
    return await keys.revoke_own(call.core, call.merchant.id, call.path["key"], call.merchant.key)


# Public keys for signed requests ------------------------------------------------------------------------------


@routes.post(
    "/v1/signing-keys", caller=Merchant, body=NewSigner, returns=SignerView, status=201,
    problems=[signer_refused, signers_full],
)  # fmt: skip
async def create_signing_key(call: Call, ask: NewSigner) -> SignerView:
    """Register a public key with which you sign requests (RFC 9421); its `id` is the `keyid` of your signatures."""
    return await signatures.add(call.core, call.merchant.id, ask)


@routes.get("/v1/signing-keys", caller=Merchant, returns=Page[SignerView])
async def list_signing_keys(call: Call, _ask: Nothing) -> Page[SignerView]:
    """List the public keys with which you sign requests, latest first."""
    return Page(await signatures.listed(call.core, call.merchant.id))


@routes.post("/v1/signing-keys/{signing_key}/revoke", caller=Merchant, returns=SignerView)
async def revoke_signing_key(call: Call, _ask: Nothing) -> SignerView:
    """End a public key; every worker refuses its signatures within five seconds. Safe to repeat."""
    return await signatures.revoke(call.core, call.merchant.id, call.path["signing_key"])


# Staff ---------------------------------------------------------------------------------------------------------


@routes.post(
    "/v1/staff", caller=Merchant, body=NewStaff, returns=StaffView, status=201,
    problems=[number_taken, merchant_name_refused],
)  # fmt: skip
async def create_staff(call: Call, ask: NewStaff) -> StaffView:
    """Take somebody on for the tills. Without `code` one is drawn, and shown this once."""
    return await staff.add(call.core, call.merchant.id, ask)


@routes.get("/v1/staff", caller=Merchant, returns=Page[StaffView])
async def list_staff(call: Call, _ask: Nothing) -> Page[StaffView]:
    """List who works at your tills, by number."""
    return Page(await staff.listed(call.core, call.merchant.id))


@routes.post(
    "/v1/staff/{staff}", caller=Merchant, body=StaffChange, returns=StaffView, problems=[merchant_name_refused]
)
async def change_staff(call: Call, ask: StaffChange) -> StaffView:
    """Change somebody's name, role or limit, or give out a new code, which signs them out and lifts a lock."""
    return await staff.change(call.core, call.merchant.id, call.path["staff"], ask)


@routes.delete("/v1/staff/{staff}", caller=Merchant, status=204)
async def remove_staff(call: Call, _ask: Nothing) -> None:
    """Somebody leaves: they are signed out everywhere within seconds."""
    await staff.remove(call.core, call.merchant.id, call.path["staff"])


@routes.post(
    "/v1/staff-sessions", caller=Merchant, act="read", body=SignIn, returns=StaffSession, status=201,
    problems=[staff_code_wrong, staff_locked, terminal_needed],
)  # fmt: skip
async def sign_in(call: Call, ask: SignIn) -> StaffSession:
    """Sign somebody in at the calling terminal, by number and code; the key in this answer is theirs for the shift."""
    if call.merchant.bounds is None or call.merchant.bounds.role != "terminal":
        raise terminal_needed()
    return await staff.sign_in(call.core, call.merchant, ask)


@routes.post("/v1/staff-sessions/end", caller=Merchant, act="read", status=204, problems=[forbidden])
async def sign_out(call: Call, _ask: Nothing) -> None:
    """Sign out: the calling key ends, when it is somebody's of the staff."""
    await staff.sign_out(call.core, call.merchant)
