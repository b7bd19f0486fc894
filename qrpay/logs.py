"""Logs: one event, one line, on stderr; no secret, no card, code, phone or ID number in clear.

There is no access log: requests and refusals are counted (web/metrics.py), and the payment path writes nothing.
"""

import logging
import re
import sys
import traceback
import uuid
from collections.abc import Mapping, MutableMapping
from contextvars import ContextVar
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, BinaryIO, Final

import msgspec
import structlog

from qrpay.settings import Settings

Event = MutableMapping[str, Any]

REQUEST_ID: Final = ContextVar("request_id", default="")
"""The server sets it for each request; every line written meanwhile bears it."""

REDACTED: Final = "[redacted]"
TEXT_MAX: Final = 2_000
TRACEBACK_MAX: Final = 16_000
"""Characters; of a longer traceback the end is kept, where it says what happened."""
ITEMS_MAX: Final = 50
DEPTH_MAX: Final = 4
NUMBER_MAX: Final = 10**12
"""Greater integers may be card numbers; amounts are smaller (values.AMOUNT_MAX)."""

SECRET_WORDS: Final = frozenset({
    "secret", "token", "pin", "pins", "authorization", "signature", "password", "passwd", "cookie", "session",
    "credential", "credentials", "master", "private", "dsn", "jws", "receipt", "scanned", "payload", "digits",
    "card", "pan", "phone", "mobile", "idcard",
})  # fmt: skip
"""A key one of whose words is among these is not shown, whatever its value."""
SECRET_KEYS: Final = frozenset({"database_url", "migration_url", "id_number", "secret_key", "api_key"})

# Every alternative is linear in the length of the text: none can fail after it has taken a long run.
_SECRET: Final = re.compile(
    r"\b(?:sk|at|rt|whsec)_[A-Za-z0-9_\-+/=.]{12,}"  # merchants' keys, access tokens, webhook secrets
    r"|\beyJ[A-Za-z0-9_\-]{8,}(?:\.[A-Za-z0-9_\-]*){0,4}"  # a JWS or JWE: receipts, identity tokens
    r"|\b(?i:bearer|basic)\s+[A-Za-z0-9_\-+/=.~]{8,}"
    r"|(?<=://)[^\s/@]{1,200}@"  # user and password of an address
    r"|\b000201[0-9][^\n]{20,}"  # an EMV string: a code that can be paid
    r"|-----BEGIN [A-Z ]{1,40}-----[^-]*"  # a key in PEM
    r"|\+\d(?:[ \-]?\d){6,}"  # a phone number with its country
    r"|(?<![0-9A-Za-z])\d(?:[ \-]?\d){10,}[Xx]?"  # payment codes, cards, phones, ID numbers
)
_UNSEEN: Final = {
    code: f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"
    for code in (*range(9), 11, 12, *range(13, 32), *range(127, 160), *range(0x2028, 0x202F), *range(0x2066, 0x206A))
}
"""What could break a line, move a cursor or turn the reading direction. Newline and tab are left to the renderer."""


def configure(settings: Settings, stream: BinaryIO | None = None) -> None:
    """Set up the logs of this process; first thing it does. Lines go to stderr, or to `stream`.

    JSON, one object a line; readable text when QRPAY_LOG_JSON is false, or stderr is a terminal.
    """
    out = stream or sys.stderr.buffer
    readable = not settings.log_json or out.isatty()
    level = logging.getLevelNamesMapping()[settings.log_level.upper()]

    def place(_logger: object, _method: str, event: Event) -> Event:
        if settings.process:
            event["process"] = settings.process
        if request_id := REQUEST_ID.get():
            event["request_id"] = request_id
        return event

    structlog.configure(
        processors=[place, structlog.processors.add_log_level, redact, stamp, as_text if readable else as_json],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.BytesLoggerFactory(out),
        cache_logger_on_first_use=False,
    )
    logging.root.handlers = [_Library()]
    logging.root.setLevel(max(level, logging.WARNING))
    sys.excepthook = _crashed


def redact(_logger: object, _method: str, event: Event) -> Event:
    """Replace what must not be read, at any depth down to DEPTH_MAX; bounded in time and length."""
    exc_info = event.pop("exc_info", None)
    shown: Event = {_one_line(clean(key, 80)): _shown(key, value, DEPTH_MAX) for key, value in event.items()}
    shown["event"] = _one_line(str(shown.get("event", "")))
    if text := _traceback(exc_info):
        shown["exception"] = clean(text[-TRACEBACK_MAX:], TRACEBACK_MAX)
    return shown


def clean(text: str, length_max: int = TEXT_MAX) -> str:
    """The text without secrets and without characters one cannot see."""
    if len(text) > length_max:
        text = text[:length_max] + "…"
    if not text.isascii():
        text = text.encode("utf-8", "backslashreplace").decode()  # lone surrogates
    return _SECRET.sub(REDACTED, text).translate(_UNSEEN)


def stamp(_logger: object, _method: str, event: Event) -> Event:
    """Put the time (UTC, milliseconds) and the level in front. After `redact`, which would take it for a number."""
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {"at": now, "level": event.pop("level", "info"), "event": event.pop("event"), **event}


def as_json(_logger: object, _method: str, event: Event) -> bytes:
    """One JSON object; a newline inside it is an escape."""
    return msgspec.json.encode(event)


def as_text(_logger: object, _method: str, event: Event) -> bytes:
    """For a person: time, level where it matters, what happened, its figures; a traceback indented below."""
    level, exception = event["level"], event.get("exception", "")
    colour = {"warning": "\x1b[33m", "error": "\x1b[31m", "critical": "\x1b[31m"}.get(level, "\x1b[2m")
    figures = " ".join(f"{key}={_word(value)}" for key, value in event.items() if key not in _IN_FRONT)
    line = f"{event['at'][11:19]} {colour}{level:7}\x1b[0m {event['event'].replace('_', ' ')}  {figures}"
    below = "".join(f"\n    | {part}" for part in exception.splitlines())
    return (line.rstrip() + below).encode()


_IN_FRONT: Final = frozenset({"at", "level", "event", "exception"})


def _word(value: object) -> str:
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return _one_line(text)


def _one_line(text: str) -> str:
    return text.replace("\n", "\\n")


def _shown(key: str, value: object, depth: int) -> object:
    if is_secret(key):
        return REDACTED
    match value:
        case bool() | None | float():
            return value
        case int():
            return value if -NUMBER_MAX < value < NUMBER_MAX else REDACTED
        case str():
            return clean(value)
        case bytes() | bytearray() | memoryview():
            return f"[{len(value)} bytes]"
        case uuid.UUID():
            return str(value)
        case _ if depth == 0:
            return "…"
        case Mapping():
            some = list(value.items())[:ITEMS_MAX]
            return {_one_line(clean(str(name), 80)): _shown(str(name), one, depth - 1) for name, one in some}
        case list() | tuple() | set() | frozenset():
            return [_shown("", one, depth - 1) for one in list(value)[:ITEMS_MAX]]
        case _:
            return clean(str(value))


def is_secret(key: str) -> bool:
    """Whether what stands under this key is never shown."""
    name = key[:80].lower().replace("-", "_")
    return name in SECRET_KEYS or not SECRET_WORDS.isdisjoint(name.split("_"))


def _traceback(exc_info: object) -> str:
    error = sys.exception() if exc_info is True else exc_info
    if isinstance(error, tuple):
        error = error[1]
    return "".join(traceback.format_exception(error)) if isinstance(error, BaseException) else ""


class _Library(logging.Handler):
    """What libraries say through the standard logging, in our form."""

    def emit(self, record: logging.LogRecord) -> None:
        structlog.get_logger().log(
            record.levelno, "library", logger=record.name, message=record.getMessage(), exc_info=record.exc_info
        )


def _crashed(_kind: type[BaseException], error: BaseException, _trace: TracebackType | None) -> None:
    structlog.get_logger().critical("crashed", exc_info=error)
