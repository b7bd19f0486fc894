"""Standard Webhooks: the vectors of rules.md 5.4, and the schedule of retries."""

import base64
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from qrpay.codes.signing import Ed25519Signer
from qrpay.features.webhooks.model import Attempt, Due, Health
from qrpay.features.webhooks.service import Patience, after_attempt, health_after
from qrpay.features.webhooks.signature import SECRET_BYTES, new_secret, secret_text, signatures
from qrpay.values import new_id

KEY_1 = Ed25519Signer("k1", bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"))
NOW = datetime(2026, 1, 5, 8, tzinfo=UTC)
DAYS = timedelta(days=3)


def test_vector_v1() -> None:
    """V1: the secret of the standard's own example."""
    secret = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    made = signatures(secret, KEY_1, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, b'{"test": 2432232314}')
    assert made.split()[0] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_vector_v2() -> None:
    """V2: one message under a secret and under the Ed25519 key 1 of rules.md 4.1."""
    secret = bytes(range(32))
    body = (
        b'{"type":"payment.succeeded","timestamp":"2026-01-05T08:00:00Z","data":'
        b'{"order_id":"01JGQXW3Z5T8N2M7K4R6V9B0CD","amount":"12.50","currency":"CNY"}}'
    )
    assert secret_text(secret) == "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
    assert signatures(secret, KEY_1, "evt_01JGQXW4000000000000000000", 1_767_600_000, body).split() == [
        "v1,BXGqDMjyZJjj5atszBVKjSOk6CtVaWcObnqtOjhvVhs=",
        "v1a,8Die1wjPWd71guGc1d04KtMqB2/g3eqI1t/Wz2JWhm78CQ3s8Vd/aFka8Ny/HUN/qRmra+kTbf17Dk3Zh6W9AQ==",
    ]


def test_secrets_are_long_and_never_alike() -> None:
    """24 to 64 bytes, as the standard asks."""
    assert 24 <= SECRET_BYTES <= 64
    assert len({new_secret() for _ in range(100)}) == 100


def due(attempts: int = 0, since: datetime = NOW) -> Due:
    """A delivery about to be tried."""
    return Due(new_id(), 1, attempts, since, since, "https://a.example", b"", 0)


@pytest.mark.parametrize(
    ("attempts", "seconds"),
    [(0, 5), (1, 300), (2, 1_800), (3, 7_200), (4, 18_000), (5, 36_000), (6, 50_400), (7, 72_000)],
)
def test_a_failed_delivery_is_tried_on_the_standards_schedule_with_jitter(attempts: int, seconds: int) -> None:
    """5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 14 h, 20 h, each a fifth more or less."""
    pauses = set()
    for _ in range(50):
        tried = after_attempt(due(attempts), Attempt(500, "x", 1), NOW, DAYS, Patience())
        assert tried.status == "waiting"
        pauses.add((tried.next_try_at - NOW).total_seconds())
    assert len(pauses) > 10
    assert all(0.8 * seconds <= pause <= 1.2 * seconds for pause in pauses)


@pytest.mark.parametrize(
    ("answered", "status"),
    [
        (200, "delivered"), (204, "delivered"), (299, "delivered"), (301, "waiting"), (304, "waiting"),
        (404, "waiting"), (500, "waiting"), (None, "waiting"), (410, "given_up"),
    ],
)  # fmt: skip
def test_what_an_answer_means(answered: int | None, status: str) -> None:
    """2xx took it, 410 wants no more, everything else is tried again; 3xx is a failure."""
    assert after_attempt(due(), Attempt(answered, None, 1), NOW, DAYS, Patience()).status == status


def test_the_last_try_is_at_the_end_of_the_days_and_then_it_is_given_up() -> None:
    """Three days by default, counted from the event or from when it was sent again."""
    since = NOW - DAYS + timedelta(hours=1)
    last = after_attempt(due(8, since), Attempt(500, "x", 1), NOW, DAYS, Patience())
    assert (last.status, last.next_try_at) == ("waiting", since + DAYS)
    assert after_attempt(due(9, since), Attempt(500, "x", 1), since + DAYS, DAYS, Patience()).status == "given_up"


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_whoever_asks_to_slow_down_is_left_alone(status: int) -> None:
    """At least slow_s; and as long as Retry-After says, for this delivery and for the endpoint."""
    whole = Health(new_id(), 0, None, NOW)
    short = health_after(whole, [Attempt(status, "x", 1)], NOW, DAYS, Patience())
    assert 4 <= (short.not_before - NOW).total_seconds() <= 6
    asked = Attempt(status, "x", 1, retry_after_s=600)
    assert health_after(whole, [asked], NOW, DAYS, Patience()).not_before == NOW + timedelta(seconds=600)
    assert after_attempt(due(), asked, NOW, DAYS, Patience()).next_try_at >= NOW + timedelta(seconds=600)


def test_an_endpoint_that_is_down_is_asked_ever_more_rarely_and_not_at_all_after_the_days() -> None:
    """Pauses double up to five minutes; one success clears all; three days of failure switch it off."""
    health, pauses, now = Health(new_id(), 0, None, NOW), [], NOW
    for _ in range(12):
        health = health_after(health, [Attempt(None, "x", 1)], now, DAYS, Patience())
        pauses.append((health.not_before - now).total_seconds())
        now = health.not_before
    assert pauses[:2] == [0, 0]
    assert 4 <= pauses[2] <= 6
    assert all(1.3 * one < next_ for one, next_ in pairwise(pauses[2:8]))
    assert 240 <= pauses[-1] <= 360
    moment = health_after(Health(new_id(), 0, None, NOW), [Attempt(None, "x", 1)] * 16, NOW, DAYS, Patience())
    assert (moment.not_before - NOW).total_seconds() <= 6  # sixteen at once are one failure, not sixteen
    well = health_after(health, [Attempt(200, None, 1)], NOW, DAYS, Patience())
    assert (well.failures, well.failing_since, well.not_before) == (0, None, NOW)
    late = health_after(health, [Attempt(None, "x", 1)], NOW + DAYS, DAYS, Patience())
    assert late.disabled == "It has taken nothing for 3 days."
