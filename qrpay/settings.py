"""Every QRPAY_ knob with its unit, default and limit. Nothing needs to be set on day one."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

Seconds = Annotated[int, Meta(ge=0, le=366 * 86_400)]
Port = Annotated[int, Meta(ge=0, le=65_535)]


class BadSettings(ValueError):
    """A QRPAY_ variable is unknown or out of range; the message names it."""


class Settings(Struct, frozen=True, kw_only=True):
    """What an operator may turn. A field `port` is the environment's QRPAY_PORT."""

    # Where
    host: str = "127.0.0.1"
    port: Port = 8080
    base_url: str = ""  # how callers see us, without a trailing slash; from host and port when empty
    hosts: str = ""  # further names we answer to, comma separated; loopback names always count
    home: str = ".qrpay"  # folder of the embedded database, the master key, demo.json

    # Processes
    workers: Annotated[int, Meta(ge=0, le=256)] = 0  # web workers; 0: one a core
    own_cores: bool = True  # with two cores or more for each web worker, each has one to itself
    drain_s: Seconds = 10  # how long a worker that was told to stop finishes what it accepted

    # Database
    database_url: str = ""  # application role; empty: the embedded PostgreSQL
    migration_url: str = ""  # owner role; empty: database_url
    postgres_bin: str = ""  # folder with initdb, postgres, pg_ctl; empty: the embedded wheel's
    pool_size: Annotated[int, Meta(ge=1, le=200)] = 6  # connections a worker for ordinary statements
    ledger_connections: Annotated[int, Meta(ge=1, le=8)] = 2  # batches of transfers in flight a worker
    batch_max: Annotated[int, Meta(ge=1, le=10_000)] = 1_000  # items a batch
    queue_max: Annotated[int, Meta(ge=1, le=1_000_000)] = 20_000  # items that may wait; beyond: 503
    deadline_s: Annotated[float, Meta(gt=0, le=120)] = 10.0  # how long a caller waits for a commit; beyond: 503

    # Keys
    master_key: str = ""  # 32 bytes in base64 that seal private keys at rest; empty: home/master.key, made once
    key_publish_s: Seconds = 86_400  # a new key stands in the JWKS this long before it signs
    issuer: str = "qrpay"  # `iss` of receipts

    # Codes and orders
    code_guid: Annotated[str, Meta(min_length=5, max_length=31)] = "org.qrpay"
    payment_code_prefix: Annotated[str, Meta(pattern=r"^[0-9]{2}\Z")] = "88"
    payment_code_s: Annotated[int, Meta(ge=10, le=120)] = 60  # a new one is shown after this
    payment_code_grace_s: Annotated[int, Meta(ge=0, le=60)] = 30  # the last one is still taken for this long
    order_s: Annotated[int, Meta(ge=30, le=86_400)] = 900  # life of an order that names none

    # Refunds
    refund_days: Annotated[int, Meta(ge=1, le=3_660)] = 365  # how long after its payment an order may be given back
    refunds_max: Annotated[int, Meta(ge=1, le=1_000)] = 50  # refunds of one order

    # Sharing
    sharing_max_bp: Annotated[int, Meta(ge=0, le=10_000)] = 3_000  # of what a payment left, others may have; 0.01 %

    # Terminals without a network
    offline_key_s: Annotated[int, Meta(ge=300, le=7 * 86_400)] = 86_400  # how long a certificate lets a terminal sign
    offline_code_s: Annotated[int, Meta(ge=30, le=3_600)] = 300  # life of a code that a terminal signed
    offline_skew_s: Annotated[int, Meta(ge=0, le=600)] = 120  # how wrong its clock may be, on either side
    offline_code_max: Annotated[int, Meta(ge=100, le=6_553_500)] = 50_000  # minor units of one such code
    offline_total_max: Annotated[int, Meta(ge=100)] = 500_000  # minor units by one certificate
    offline_count_max: Annotated[int, Meta(ge=1, le=100_000)] = 200  # codes by one certificate

    # Wallets
    access_token_s: Annotated[int, Meta(ge=60, le=86_400)] = 900
    pin_from: Annotated[int, Meta(ge=0)] = 100_000  # minor units; from this amount on a payment needs the PIN
    pin_tries: Annotated[int, Meta(ge=1, le=20)] = 5  # wrong PINs in a row before it locks
    pin_lock_s: Seconds = 900

    # Opening accounts
    identity_url: str = ""  # the service that verifies identities; empty: nobody can open an account online
    identity_token: str = ""  # bearer token for it
    sms_url: str = ""  # the sender of SMS
    sms_token: str = ""  # bearer token for it
    opening_s: Annotated[int, Meta(ge=600, le=30 * 86_400)] = 86_400  # how long an opening may be resumed
    opening_age_min: Annotated[int, Meta(ge=16, le=120)] = 16  # full years; younger people come with a guardian

    # Limits
    body_max: Annotated[int, Meta(ge=1_024, le=1_048_576)] = 65_536  # bytes
    head_s: Annotated[float, Meta(gt=0, le=120)] = 10.0  # how long a request's head may take
    body_s: Annotated[float, Meta(gt=0, le=300)] = 30.0  # how long its body may take
    idle_s: Annotated[float, Meta(gt=0, le=600)] = 75.0  # how long an idle connection is kept
    rate_per_s: Annotated[float, Meta(gt=0)] = 500.0  # requests a second a credential and worker, sustained
    rate_burst: Annotated[int, Meta(ge=1)] = 2_000
    sign_in_tries: Annotated[int, Meta(ge=1)] = 10  # failed sign-ins of operators from an address, one more each 30 s
    guess_tries: Annotated[int, Meta(ge=1)] = 10  # unknown payment codes a minute before a terminal waits

    applications_per_hour: Annotated[int, Meta(ge=1)] = 20  # applications to become a merchant, an address and worker

    # Webhooks
    webhook_loopback: bool = False  # let webhooks go to loopback: for the demo's own receiver only
    webhook_timeout_s: Annotated[float, Meta(gt=0, le=60)] = 15.0
    trace_per_s: Annotated[int, Meta(ge=0, le=100_000)] = 1_000  # payments that a worker measures a second, at most
    trace_days: Annotated[int, Meta(ge=1, le=90)] = 3  # how long it is kept how they went
    webhook_days: Annotated[int, Meta(ge=1, le=30)] = 3  # how long a delivery is tried

    # Integrators
    api_key: str = ""  # the merchant's secret key that `qrpay listen` and `qrpay trigger` call with

    # Clearing and settlement
    clearing_url: str = ""  # the clearing house's gateway; empty: payouts are made ready and wait
    clearing_token: str = ""  # bearer token for it
    clearing_name: str = "qrpay"  # the debtor of payouts: the bank's name there
    clearing_account: Annotated[str, Meta(pattern=r"^[ -~]{1,34}\Z")] = "QRPAY-SETTLEMENT"  # and its account
    clearing_bank: Annotated[str, Meta(pattern=r"^[A-Z0-9]{1,35}\Z")] = "000000000000"  # and its bank's CNAPS number
    settle_hour: Annotated[int, Meta(ge=0, le=23)] = 1  # from this hour on, bank's time, T+1 and D+1 are settled
    settle_t0_hour: Annotated[int, Meta(ge=1, le=23)] = 22  # T+0 settles what was paid before this hour, the same day

    # Books
    audit_hour: Annotated[int, Meta(ge=0, le=23)] = 3  # from this hour on, bank's time, the nightly full audit runs

    # Watching
    log_level: Annotated[str, Meta(pattern=r"^(debug|info|warning|error)\Z")] = "info"
    log_json: bool = True
    metrics_dir: str = ""  # where workers share their metrics; set by the supervisor
    process: str = ""  # what this process is called there and in logs, such as web-1a; set by the supervisor

    @property
    def url(self) -> str:
        """The address callers use."""
        return self.base_url.rstrip("/") or f"http://{self.host}:{self.port}"

    @property
    def folder(self) -> Path:
        """The home folder, absolute."""
        return Path(self.home).resolve()


def read_settings(environ: Mapping[str, str] = os.environ, **changed: object) -> Settings:
    """The settings of this environment; `changed` wins. An unknown QRPAY_ name is refused: it is a typo."""
    given = {name[6:].lower(): value for name, value in environ.items() if name.startswith("QRPAY_") and value != ""}
    if unknown := sorted(set(given) - set(Settings.__struct_fields__)):
        names = ", ".join("QRPAY_" + name.upper() for name in unknown)
        raise BadSettings(f"unknown setting {names}: see qrpay/settings.py for the names there are")
    try:
        return msgspec.convert({**given, **changed}, Settings, strict=False)
    except msgspec.ValidationError as defect:
        raise BadSettings(f"a QRPAY_ setting is out of range: {defect}") from defect
