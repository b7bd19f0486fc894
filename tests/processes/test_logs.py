"""Logs: what must not be read does not stand there, and one event is one line."""

import io
import json
import logging
import time
from collections.abc import Iterator

import pytest
import structlog

from qrpay import logs
from qrpay.settings import Settings
from qrpay.values import AMOUNT_MAX, id_text, new_id

CLEAR = {
    "a merchant's key": "sk_live_8Jx0aB3kQm2Lw9ZtR5yV7uE1",
    "a test key": "sk_test_8Jx0aB3kQm2Lw9ZtR5yV7uE1",
    "an access token": "at_AZkM-4q2c0y7b8d9e0f1a2b3c4d5e6f7_8-9A",
    "a webhook secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    "a receipt": "eyJhbGciOiJFZERTQSIsImtpZCI6ImsxIn0.eyJpc3MiOiJxcnBheSIsInN1YiI6Im1lcl8ifQ.c2lnbmF0dXJl",
    "a payment code": "881234567890123456",
    "a payment code of 20 digits": "88123456789012345678",
    "a card": "4111111111111111",
    "a card in groups": "6222 0212 3456 7890 128",
    "a card with hyphens": "4111-1111-1111-1111",
    "a mobile": "13812345678",
    "a mobile with its country": "+86 138 1234 5678",
    "an ID number": "11010519491231002X",
    "a code": "00020101021226580009org.qrpay0122AZkM4q2c0y7b8d9e0f1a2b5204581253031565802CN5904Shop6304ABCD",
    "a fullwidth card": "4111111111111111",
}


class Lines:
    """What was written."""

    def __init__(self) -> None:
        self.out = io.BytesIO()

    def raw(self) -> list[str]:
        """The lines, as a line-wise reader splits them."""
        return self.out.getvalue().decode().splitlines()

    def last(self) -> dict[str, object]:
        """The last line's object."""
        found = json.loads(self.raw()[-1])
        assert isinstance(found, dict)
        return found


@pytest.fixture
def lines() -> Iterator[Lines]:
    """Logs that are written to memory, put back to how they were afterwards."""
    before, handlers, level = structlog.get_config(), logging.root.handlers, logging.root.level
    written = Lines()
    logs.configure(Settings(log_level="debug", process="web-1a"), written.out)
    yield written
    structlog.configure(**before)
    logging.root.handlers, logging.root.level = handlers, level


@pytest.mark.parametrize("secret", CLEAR.values(), ids=CLEAR)
def test_no_secret_is_readable(lines: Lines, secret: str) -> None:
    """Wherever it stands (event, value, nested, in a list, in a traceback, in a library's message), it is gone."""
    log = structlog.get_logger()
    log.info(f"saw {secret} here", note=f"value={secret};", deep={"a": [{"b": secret}]}, seen=(secret,))
    try:
        raise ValueError(f"cannot read {secret!r}")
    except ValueError:
        log.exception("failed")
    logging.getLogger("library").error("refused %s", secret)

    text = lines.out.getvalue().decode()
    assert secret not in text
    assert secret[4:14] not in text
    assert len(lines.raw()) == 3
    assert "ValueError" in text


@pytest.mark.parametrize(
    "key",
    ["secret", "client_secret", "access_token", "pin", "Authorization", "webhook-signature", "scanned",
     "code_payload", "password", "database_url", "phone", "id_number", "dsn"],
)  # fmt: skip
def test_some_keys_are_never_shown(lines: Lines, key: str) -> None:
    """A key that names a secret hides its value, whatever it is, at any depth."""
    structlog.get_logger().info("called", **{key: "short"}, headers={key: 1234})
    line = lines.last()
    assert line[key] == logs.REDACTED
    assert line["headers"] == {key: logs.REDACTED}


def test_what_operators_need_stays(lines: Lines) -> None:
    """Ids, amounts, times, counts and addresses are no secrets."""
    order, request = id_text("ord_", new_id()), new_id()
    structlog.get_logger().info(
        "paid_late", order=order, request=request, amount=AMOUNT_MAX, at_s=1.5, url="http://127.0.0.1:8080/v1/orders",
        day="2026-11-24", ok=True, pinned=3,
    )  # fmt: skip
    line = lines.last()
    assert line["order"] == order
    assert line["request"] == str(request)
    assert line["amount"] == AMOUNT_MAX
    assert line["url"] == "http://127.0.0.1:8080/v1/orders"
    assert line["day"] == "2026-11-24"
    assert (line["ok"], line["at_s"], line["pinned"]) == (True, 1.5, 3)
    assert line["process"] == "web-1a"


def test_a_card_as_a_number_is_hidden(lines: Lines) -> None:
    """An integer too great for an amount may be a card."""
    structlog.get_logger().info("seen", number=4111111111111111)
    assert lines.last()["number"] == logs.REDACTED


def test_a_password_in_an_address_is_hidden(lines: Lines) -> None:
    """The host of a database may be read, its password not."""
    structlog.get_logger().info("connecting", to="postgresql://qrpay_app:hunter2@db.bank:5432/qrpay")
    assert lines.last()["to"] == "postgresql://[redacted]db.bank:5432/qrpay"


@pytest.mark.parametrize("breaker", ["\n", "\r", "\r\n", "\x85", "\u2028", "\u2029", "\x0b", "\x1e", "\x00", "\x1b[2K"])
@pytest.mark.parametrize("readable", [False, True])
def test_one_event_is_one_line(lines: Lines, breaker: str, readable: bool) -> None:
    """A value cannot begin a line of its own, nor move the cursor of whoever reads."""
    logs.configure(Settings(log_json=not readable), lines.out)
    forged = f'x{breaker}{{"level":"error","event":"forged"}}'
    structlog.get_logger().info(f"seen{breaker}forged", value=forged, **{f"key{breaker}": "x"})
    assert len(lines.raw()) == 1
    assert "\x1b[2K" not in lines.raw()[0]


def test_lone_surrogates_do_not_break_the_log(lines: Lines) -> None:
    """What cannot be written in UTF-8 is written as an escape."""
    structlog.get_logger().info("seen", value="a\ud800b")
    assert lines.last()["value"] == "a\\ud800b"


def test_a_line_is_bounded_in_length_and_time(lines: Lines) -> None:
    """However long or nasty a value is, it costs little."""
    nasty = ["1 " * 50_000, "a" * 100_000, "eyJ" * 30_000, "1-" * 50_000 + "x", "://" * 30_000, "000201" * 20_000]
    began = time.perf_counter()
    structlog.get_logger().info("seen", values=nasty, deep=[[[[[[["x"]]]]]]], many=list(range(10_000)))
    assert time.perf_counter() - began < 0.1
    assert len(lines.raw()[0]) < 20_000


def test_a_traceback_is_one_line_and_keeps_its_end(lines: Lines) -> None:
    """A deep traceback is cut at the front: its last lines say what happened."""

    def deep(levels: int) -> None:
        if levels == 0:
            raise RuntimeError("the very end")
        deep(levels - 1)

    try:
        deep(400)
    except RuntimeError:
        structlog.get_logger().exception("failed")
    assert len(lines.raw()) == 1
    assert "the very end" in str(lines.last()["exception"])


def test_a_line_bears_its_request(lines: Lines) -> None:
    """What is written while a request is answered bears its id."""
    token = logs.REQUEST_ID.set("7f3a")
    structlog.get_logger().warning("slow")
    logs.REQUEST_ID.reset(token)
    structlog.get_logger().warning("other")
    assert json.loads(lines.raw()[0])["request_id"] == "7f3a"
    assert "request_id" not in lines.last()


def test_below_the_level_nothing_is_written(lines: Lines) -> None:
    """QRPAY_LOG_LEVEL holds for us and for libraries."""
    logs.configure(Settings(log_level="error"), lines.out)
    structlog.get_logger().warning("not this")
    logging.getLogger("library").warning("nor this")
    structlog.get_logger().error("this")
    assert [json.loads(line)["event"] for line in lines.raw()] == ["this"]
