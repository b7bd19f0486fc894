"""Keys: one first key however many start, rotation without a gap, revocation everywhere at once."""

import asyncio
from datetime import timedelta

import msgspec
import pytest
import structlog

from qrpay.background import metrics
from qrpay.codes.problems import code_unknown_key
from qrpay.codes.signing import CLOCK_SKEW
from qrpay.core import Core
from qrpay.database.migrator import APPLICATION
from qrpay.database.pool import Database
from qrpay.features.keys import api, service, store
from qrpay.features.keys.feature import feature
from qrpay.features.keys.model import PURPOSES
from qrpay.problem import Refused
from qrpay.settings import BadSettings
from qrpay.vault import Vault
from qrpay.web.routes import NOTHING, Call
from tests.features.conftest import HandClock, core_over

NOTICED_S_MAX = 1.0


async def kids(core: Core) -> list[str]:
    """The ids of all keys."""
    return [key.kid for key in await service.keys_of(core)]


async def published(core: Core) -> set[str]:
    """The ids in the public key set."""
    call = Call.__new__(Call)
    call.core = core
    answer = await api.jwks(call, NOTHING)
    return {key["kid"] for key in msgspec.json.decode(answer.body)["keys"]}


async def until_unknown(core: Core, kid: str) -> None:
    """Return once this process refuses the key; the caller bounds the time."""
    while True:
        try:
            core.keyring.verifier(kid, core.clock())
        except Refused:
            return
        await asyncio.sleep(0.01)


async def test_processes_that_start_at_once_make_each_first_key_once(fresh_dsn: str, clock: HandClock) -> None:
    """Eight starts over eight pools agree on three keys."""
    pools = [await Database.open(fresh_dsn, role=APPLICATION, size=2, ledger_connections=1) for _ in range(8)]
    cores = [core_over(pool, clock) for pool in pools]

    await asyncio.gather(*(service.start(core) for core in cores))

    keys = await service.keys_of(cores[0])
    assert sorted(key.purpose for key in keys) == sorted(PURPOSES)
    signers = {core.keyring.signer("code", clock()).kid for core in cores}
    assert len(signers) == 1
    await asyncio.gather(*(pool.close() for pool in pools))


async def test_a_private_key_at_rest_is_sealed(fresh_core: Core) -> None:
    """The table holds no seed; another master key is told so instead of signing with rubbish."""
    await service.make_first_keys(fresh_core)
    await service.load(fresh_core)
    [row, *_] = await service.keys_of(fresh_core)
    seed = fresh_core.vault.unseal(f"signing-key/{row.kid}", row.private)

    assert seed not in row.private
    assert await fresh_core.database.fetch(store.STATEMENTS["a_private_key_is_never_in_clear"]) == []
    with pytest.raises(BadSettings):
        Vault(bytes(32)).unseal(f"signing-key/{row.kid}", row.private)


async def test_a_rotated_key_is_published_before_it_signs_and_the_old_one_verifies_after(
    fresh_core: Core, clock: HandClock
) -> None:
    """At no moment is there nobody to sign, and what was signed is refused only after it has died."""
    core = fresh_core
    await service.make_first_keys(core)
    await service.load(core)
    old = core.keyring.signer("code", clock())
    signature = old.sign(b"pay")

    [new] = await service.rotate(core, ["code"])
    await service.load(core)

    assert new in await published(core)
    assert core.keyring.signer("code", clock()).kid == old.kid
    clock.move(seconds=core.settings.key_publish_s + 1)
    assert core.keyring.signer("code", clock()).kid == new
    clock.move(seconds=86_400)
    assert core.keyring.verifier(old.kid, clock(), "code").holds(signature, b"pay")
    clock.move(seconds=CLOCK_SKEW.total_seconds())
    with pytest.raises(Refused) as refused:
        core.keyring.verifier(old.kid, clock(), "code")
    assert refused.value.problem == code_unknown_key


async def test_rotation_at_once_signs_with_the_new_key_at_once(fresh_core: Core, clock: HandClock) -> None:
    """`--now` and key_publish_s=0 leave out the wait."""
    await service.make_first_keys(fresh_core)
    [new] = await service.rotate(fresh_core, ["receipt"], at_once=True)
    await service.load(fresh_core)

    assert fresh_core.keyring.signer("receipt", clock()).kid == new


async def test_a_receipt_verifies_ten_years_after_its_key_was_rotated(fresh_core: Core, clock: HandClock) -> None:
    """A receipt is evidence for as long as the transaction is kept (rules.md 3.7)."""
    await service.make_first_keys(fresh_core)
    await service.load(fresh_core)
    old = fresh_core.keyring.signer("receipt", clock())
    await service.rotate(fresh_core, ["receipt"], at_once=True)
    clock.move(days=3_652)
    await service.load(fresh_core)

    assert fresh_core.keyring.verifier(old.kid, clock(), "receipt").kid == old.kid


async def test_a_leaked_key_is_refused_by_all_processes_within_a_second(fresh_dsn: str, clock: HandClock) -> None:
    """One process revokes; another one, which was only listening, refuses, and signs with a key that is new."""
    here, there = [await Database.open(fresh_dsn, role=APPLICATION, ledger_connections=1) for _ in range(2)]
    one, other = core_over(here, clock), core_over(there, clock)
    await service.start(one)
    await service.start(other)
    leaked = other.keyring.signer("code", clock()).kid

    await service.revoke(one, leaked)
    await asyncio.wait_for(until_unknown(other, leaked), NOTICED_S_MAX)

    assert leaked not in await published(other)
    assert other.keyring.signer("code", clock()).kid != leaked
    await service.revoke(one, leaked)
    assert len(await kids(one)) == len(PURPOSES) + 1
    await here.close()
    await there.close()


async def test_a_key_that_cannot_be_opened_stops_nobody_from_hearing_of_the_next(
    fresh_dsn: str, clock: HandClock
) -> None:
    """One key sealed under another secret is told and left out of signing; the others load, and a leaked one ends."""
    here, there = [await Database.open(fresh_dsn, role=APPLICATION, ledger_connections=1) for _ in range(2)]
    one, other = core_over(here, clock), core_over(there, clock)
    await service.start(one)
    await service.start(other)
    leaked = other.keyring.signer("code", clock()).kid
    stranger = msgspec.structs.replace(one, vault=Vault(b"s" * 32))
    [sealed_elsewhere] = await service.rotate(stranger, ["receipt"], at_once=True)
    with structlog.testing.capture_logs() as logged:
        await service.load(other)

    assert {(line["event"], line["kid"]) for line in logged} == {("signing_key_unopened", sealed_elsewhere)}
    assert next(iter(metrics.keys_unopened.collect())).samples[0].value == 1
    await service.revoke(one, leaked)
    await asyncio.wait_for(until_unknown(other, leaked), 3 * NOTICED_S_MAX)
    assert sealed_elsewhere in await published(other), "others sign with it, so it verifies"
    assert other.keyring.signer("webhook", clock()).kid
    with pytest.raises(Refused, match="unavailable"):
        other.keyring.signer("receipt", clock())

    await service.revoke(one, sealed_elsewhere)
    await asyncio.wait_for(until_unknown(other, sealed_elsewhere), 3 * NOTICED_S_MAX)
    await service.load(other)
    assert next(iter(metrics.keys_unopened.collect())).samples[0].value == 0
    with pytest.raises(BadSettings):
        await service.load(stranger)
    await here.close()
    await there.close()


async def test_revoking_a_key_nobody_knows_is_refused(fresh_core: Core) -> None:
    """A slip of the hand is told, and makes no key."""
    await service.make_first_keys(fresh_core)
    with pytest.raises(Refused, match="not_found"):
        await service.revoke(fresh_core, "nobody")
    assert len(await kids(fresh_core)) == len(PURPOSES)


async def test_loading_the_same_keys_again_ends_no_remembered_check(fresh_core: Core) -> None:
    """Checked signatures are remembered by the ring's version, so the net of every 30 s must not move it."""
    await service.make_first_keys(fresh_core)
    known = await service.load(fresh_core)
    version = fresh_core.keyring.version

    await service.load(fresh_core, known)

    assert fresh_core.keyring.version == version


async def test_keys_that_nobody_rotates_are_rotated_by_the_clock(fresh_core: Core, clock: HandClock) -> None:
    """No purpose ever falls silent because somebody forgot it."""
    [job] = feature.jobs
    await service.make_first_keys(fresh_core)
    assert await job.run(fresh_core) == 0
    clock.move(days=340)

    assert await job.run(fresh_core) == len(PURPOSES)
    assert await job.run(fresh_core) == 0

    clock.move(days=30)
    await service.load(fresh_core)
    for purpose in PURPOSES:
        assert fresh_core.keyring.signer(purpose, clock()).sign(b"x")


async def test_a_new_key_is_published_twice_as_long_as_a_reader_may_keep_the_set(fresh_core: Core) -> None:
    """Whoever caches the JWKS has the new key before it signs (rules.md 4.4)."""
    call = Call.__new__(Call)
    call.core = fresh_core
    answer = await api.jwks(call, NOTHING)

    assert answer.media_type == "application/jwk-set+json"
    assert answer.headers is not None
    age = int(answer.headers["Cache-Control"].partition("max-age=")[2])
    assert 2 * age <= fresh_core.settings.key_publish_s
    assert timedelta(seconds=age) > timedelta(0)
