"""What can be found out about an application without a person, and what a person has to look at. Pure, no database."""

from collections.abc import Collection, Sequence
from typing import Final

from msgspec import UNSET, UnsetType

from qrpay.features.merchants.names import name_defect
from qrpay.features.merchants.service import REFUSED_CATEGORIES
from qrpay.features.onboarding.model import Check, Contact, Fields, PaperKind, Payout, Result
from qrpay.values import text_defect

CARD: Final = "62"
"""What UnionPay's card numbers begin with; they have 16 to 19 digits and a check digit (ISO/IEC 7812)."""
MISSING: Final = ("This is missing.", "该项缺失。")

Finding = tuple[Result, str, str]
PASSED: Final[Finding] = ("passed", "", "")


def run(fields: Fields, papers: Collection[PaperKind], *, known: bool) -> Sequence[Check]:
    """Every check, in the order of the form. `known`: whether this company applied or was approved before."""
    found: Sequence[tuple[str, str, Finding]] = (
        ("legal_name", "/legal_name", _legal_name(fields.legal_name)),
        ("short_name", "/short_name", _short_name(fields.short_name)),
        ("name_latin", "/name_latin", _name_latin(fields)),
        ("uscc", "/uscc", _uscc(fields.uscc)),
        ("uscc_unused", "/uscc", _unused(known)),
        ("mcc", "/mcc", _mcc(fields.mcc)),
        ("city", "/city", PASSED if fields.city is not UNSET else ("failed", *MISSING)),
        ("contact", "/contact", _contact(fields.contact)),
        ("payout_name", "/payout/name", _payout_name(fields.payout, fields.legal_name)),
        ("payout_account", "/payout/account", _payout_account(fields.payout)),
        ("business_licence", "/papers", _paper("business_licence" in papers)),
        ("legal_person_id", "/papers", _paper("legal_person_id" in papers)),
    )
    return [Check(name, pointer, *finding) for name, pointer, finding in found]


def _failed(en: str, zh: str) -> Finding:
    return "failed", en, zh


def _legal_name(name: str | UnsetType) -> Finding:
    if isinstance(name, UnsetType):
        return _failed(*MISSING)
    if defect := text_defect(name):
        return _failed(defect, f"名称含有不允许的字符:{defect}")
    return PASSED


def _short_name(name: str | UnsetType) -> Finding:
    if isinstance(name, UnsetType):
        return _failed(*MISSING)
    if defect := name_defect(name):
        return _failed(defect, f"该简称可能误导付款人:{defect}")
    return PASSED


def _name_latin(fields: Fields) -> Finding:
    latin = fields.name_latin
    if isinstance(latin, UnsetType):
        short = fields.short_name
        fits = isinstance(short, str) and short.isascii() and len(short) <= 25
        return PASSED if fits else _failed("It is needed, as short_name is not ASCII.", "简称非 ASCII,须提供拉丁名称。")
    if defect := name_defect(latin):
        return _failed(defect, f"该拉丁名称可能误导付款人:{defect}")
    return PASSED


def _uscc(code: str | UnsetType) -> Finding:
    if isinstance(code, UnsetType):
        return _failed(*MISSING)
    from stdnum.cn import uscc as social_credit  # here, since a worker need not hold its tables

    if not social_credit.is_valid(code):
        return _failed(
            "Its check digit does not fit (GB 32100): look for a slip.", "校验码不符(GB 32100),请核对是否录入有误。"
        )
    return PASSED


def _unused(known: bool) -> Finding:
    if known:
        return "needs_person", "This company has applied before.", "该企业已有其他申请。"
    return PASSED


def _mcc(code: str | UnsetType) -> Finding:
    import iso18245  # 2 MB that a worker which is never asked does not hold

    if isinstance(code, UnsetType):
        return _failed(*MISSING)
    if code in REFUSED_CATEGORIES:
        return _failed("Merchants of this category are not taken on.", "不受理该类别的商户。")
    try:
        iso18245.get_mcc(code)
    except (iso18245.MCCNotFound, iso18245.InvalidMCC):
        return _failed("ISO 18245 has no such category.", "ISO 18245 中无此类别码。")
    return PASSED


def _contact(contact: Contact | UnsetType) -> Finding:
    if isinstance(contact, UnsetType):
        return _failed(*MISSING)
    return PASSED


def _payout_name(payout: Payout | UnsetType, legal_name: str | UnsetType) -> Finding:
    """Money is paid out to the company itself and to nobody else."""
    if isinstance(payout, UnsetType):
        return _failed(*MISSING)
    if payout.name != legal_name:
        return _failed(
            "The holder of the account must be the company: write both names alike.",
            "收款账户户名须与企业法定名称一致。",
        )
    return PASSED


def _payout_account(payout: Payout | UnsetType) -> Finding:
    if isinstance(payout, UnsetType):
        return _failed(*MISSING)
    from stdnum import luhn

    number = payout.account
    if number.startswith(CARD) and 16 <= len(number) <= 19:
        return (
            PASSED
            if luhn.is_valid(number)
            else _failed("Its check digit does not fit: look for a slip.", "卡号校验位不符,请核对是否录入有误。")
        )
    return "needs_person", "No check digit: compare it with the papers.", "该账号无校验位,须与材料人工核对。"


def _paper(there: bool) -> Finding:
    if there:
        return "needs_person", "Somebody has to read it.", "须人工核查。"
    return _failed("This paper is missing.", "缺少该材料。")
