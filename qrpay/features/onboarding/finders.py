"""How an operator finds an application to become a merchant: by id, by the company's code, by its legal name."""

from collections.abc import Sequence
from typing import Final

from qrpay.core import Core
from qrpay.desk import Fact, Finder, Found, Moment
from qrpay.features.onboarding import reviews, store
from qrpay.features.onboarding.model import APPLICATION
from qrpay.problem import Refused
from qrpay.values import Id, id_text

_ACTS: Final = {
    "submitted": ("handed in", "提交"), "checked": ("looked at", "人工核查"), "more_needed": ("given back", "退回补充"),
    "approved": ("approved", "通过"), "rejected": ("rejected", "拒绝"),
}  # fmt: skip


async def find(core: Core, application: Id) -> Found | None:
    """An application, masked, and who did what to it."""
    try:
        seen = await reviews.examine(core, application)
    except Refused:
        return None
    one = seen.application
    moments = [
        Moment(row["at"], *_ACTS[row["act"]], "story", None, f"{row['by']}: {row['reason']}".rstrip(": "))
        for row in await store.acts(core.database, application)
    ]
    facts = [Fact("Status", "状态", one.status), *reviews.facts(seen)]
    related = [id_ for id_ in (one.merchant, one.test_merchant, seen.submission, *seen.duplicates) if id_]
    return Found(one.id, "Application to become a merchant", "商户入驻申请", facts, moments, related=related)


async def named(core: Core, text: str) -> Sequence[str]:
    """Applications of this company."""
    return [id_text(APPLICATION, id_) for id_ in await store.of_company(core.database, text)]


finder: Final = Finder(prefix=APPLICATION, find=find, named=named)
