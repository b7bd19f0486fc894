"""What a refusal is: a row of a table (RFC 9457 problem details), raised with its figures."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

from msgspec import Struct

CATALOGUE: Final[dict[str, "Problem"]] = {}
"""Every problem by its code; the error pages and the reference are made from it."""


class FieldError(Struct, frozen=True):
    """One bad place of a request: a JSON pointer (RFC 6901), or the name of a query parameter or header."""

    pointer: str
    detail: str


class Figure(Struct, frozen=True):
    """A member of a refusal's answer that callers build on.

    kind     its type in JSON; an amount is an integer of minor units
    meaning  a sentence, also for whom it is left out
    """

    name: str
    kind: Literal["integer", "string"]
    meaning: str


class Problem(Struct, frozen=True):
    """One way to say no.

    code    stable snake_case; its page is /problems/ and the code with hyphens
    status  HTTP status
    en, zh  what happened, in both languages
    next    what to do now, in English; {names} are filled in from the figures of the refusal
    next_zh the same in Chinese
    retry   whether the same request may be sent again unchanged
    members what stands beside the members of every refusal, as the reference describes it
    """

    code: str
    status: int
    en: str
    zh: str
    next: str
    next_zh: str
    retry: bool = False
    members: tuple[Figure, ...] = ()

    def __call__(
        self,
        *,
        errors: Sequence[FieldError] = (),
        headers: Mapping[str, str] | None = None,
        **figures: Any,
    ) -> "Refused":
        """The refusal, to be raised. Figures fill in `next` and stand in the answer beside it."""
        return Refused(self, figures, tuple(errors), headers or {})

    @property
    def type(self) -> str:
        """The path that explains it."""
        return "/problems/" + self.code.replace("_", "-")


class Refused(Exception):
    """A business "no". Web turns it into a problem document; nothing has moved."""

    def __init__(
        self, problem: Problem, figures: Mapping[str, Any], errors: tuple[FieldError, ...], headers: Mapping[str, str]
    ) -> None:
        super().__init__(problem.code, dict(figures), *errors)
        self.problem = problem
        self.figures = figures
        self.errors = errors
        self.headers = headers


class _Blank(dict[str, Any]):
    def __missing__(self, key: str) -> str:
        return "…"


def filled(sentence: str, figures: Mapping[str, Any]) -> str:
    """The sentence with its {names} filled in."""
    return sentence.format_map(_Blank(figures)) if "{" in sentence else sentence


def row(  # one line a refusal keeps its table readable
    code: str,
    status: int,
    en: str,
    zh: str,
    next: str,
    next_zh: str,
    *,
    retry: bool = False,
    members: tuple[Figure, ...] = (),
) -> Problem:
    """Make a problem and enter it in the catalogue; two rows of one code are a bug."""
    problem = Problem(code, status, en, zh, next, next_zh, retry, members)
    assert code not in CATALOGUE or CATALOGUE[code] == problem, f"two problems are called {code}"
    CATALOGUE[code] = problem
    return problem


# What any door may say ------------------------------------------------------------------------------------------
malformed_request = row(
    "malformed_request", 400, "The request is not well formed.", "请求格式不正确。",
    "Send JSON in UTF-8 as the reference shows.", "请按接口文档发送 UTF-8 编码的 JSON。",
)  # fmt: skip
unauthenticated = row(
    "unauthenticated", 401, "We do not know who is calling.", "无法识别调用方身份。",
    "Send Authorization: Bearer with a valid key or access token.",
    "请在 Authorization: Bearer 中携带有效的密钥或令牌。",
)  # fmt: skip
token_expired = row(
    "token_expired", 401, "The access token has expired.", "访问令牌已过期。",
    "Get a new access token and send the request again.", "请获取新的访问令牌后重试。",
)  # fmt: skip
wrong_caller = row(
    "wrong_caller", 403, "This call is for another kind of caller.", "该接口不面向此类调用方。",
    "Use the credential of a {caller}.", "请使用 {caller} 的凭证。",
)  # fmt: skip
forbidden = row(
    "forbidden", 403, "You may not do this.", "您没有执行该操作的权限。",
    "Ask whoever gave you the credential for a wider one.", "请联系凭证的签发方。",
)  # fmt: skip
cross_site_refused = row(
    "cross_site_refused", 403, "This did not come from our own page.", "该请求并非来自本站页面。",
    "Send X-Requested-With: qrpay with every call that changes something, and an Origin only when it is ours.",
    "请在变更类请求中携带 X-Requested-With: qrpay;Origin 须为本站。",
)  # fmt: skip
not_found = row(
    "not_found", 404, "There is no such thing here.", "未找到该资源。",
    "Check the path and the id.", "请检查路径与编号。",
)  # fmt: skip
method_not_allowed = row(
    "method_not_allowed", 405, "This path does not know that method.", "该路径不支持此方法。",
    "Use one of the methods in the Allow header.", "请使用 Allow 头中列出的方法。",
)  # fmt: skip
request_timeout = row(
    "request_timeout", 408, "The request took too long to arrive.", "请求发送超时。",
    "Send it again, all of it at once.", "请重新完整发送。", retry=True,
)  # fmt: skip
body_too_large = row(
    "body_too_large", 413, "The body is too large.", "请求体过大。",
    "Send at most {limit} bytes.", "请求体不得超过 {limit} 字节。",
)  # fmt: skip
unsupported_media_type = row(
    "unsupported_media_type", 415, "This body is not JSON in UTF-8.", "请求体不是 UTF-8 编码的 JSON。",
    "Send Content-Type: application/json.", "请使用 Content-Type: application/json。",
)  # fmt: skip
misdirected_request = row(
    "misdirected_request", 421, "This host is not served here.", "本服务不处理该主机名。",
    "Use the address you were given.", "请使用约定的访问地址。",
)  # fmt: skip
invalid_field = row(
    "invalid_field", 422, "A value is not as it must be.", "字段取值不正确。",
    "Correct the places listed in errors.", "请更正 errors 中列出的位置。",
)  # fmt: skip
unknown_field = row(
    "unknown_field", 422, "A field is not known here.", "包含未知字段。",
    "Leave out the fields listed in errors.", "请去掉 errors 中列出的字段。",
)  # fmt: skip
duplicate_field = row(
    "duplicate_field", 422, "A field stands twice in one object.", "同一对象中字段重复。",
    "Send each field once.", "每个字段只发送一次。",
)  # fmt: skip
idempotency_key_reused = row(
    "idempotency_key_reused", 422, "This Idempotency-Key stands for another request.", "该幂等键已用于其他请求。",
    "Send what was sent first, or take a new key; the differing fields are in errors.",
    "请发送与首次相同的内容,或使用新的幂等键;差异见 errors。",
)  # fmt: skip
idempotency_key_missing = row(
    "idempotency_key_missing", 422, "This call needs an Idempotency-Key.", "缺少 Idempotency-Key 请求头。",
    "Send a key of your own in the header Idempotency-Key, the same one each time you repeat the request.",
    "请在 Idempotency-Key 头中提供自定义的键,重试时保持不变。",
)  # fmt: skip
headers_too_large = row(
    "headers_too_large", 431, "The header is too large.", "请求头过大。",
    "Send fewer and shorter headers.", "请减少请求头的数量与长度。",
)  # fmt: skip
rate_limited = row(
    "rate_limited", 429, "Too many requests.", "请求过于频繁。",
    "Wait {retry_after} s, then go on more slowly.", "请等待 {retry_after} 秒后放慢速度重试。", retry=True,
)  # fmt: skip
internal_error = row(
    "internal_error", 500, "Something broke on our side.", "服务内部错误。",
    "Ask with GET what happened, or send the same request again; tell us the request_id.",
    "请先查询结果或用相同请求重试,并提供 request_id。", retry=True,
)  # fmt: skip
http_version_not_supported = row(
    "http_version_not_supported", 505, "This version of HTTP is not spoken here.", "不支持该 HTTP 版本。",
    "Use HTTP/1.1.", "请使用 HTTP/1.1。",
)  # fmt: skip
overloaded = row(
    "overloaded", 503, "More is asked than can be done right now.", "系统繁忙。",
    "Send the same request again after Retry-After.", "请在 Retry-After 之后用相同请求重试。", retry=True,
)  # fmt: skip
unavailable = row(
    "unavailable", 503, "The outcome is not known yet: a part of the service is away.", "服务暂不可用,结果未知。",
    "Send the same request again after Retry-After; it cannot happen twice.",
    "请在 Retry-After 之后用相同请求重试,不会重复执行。", retry=True,
)  # fmt: skip
