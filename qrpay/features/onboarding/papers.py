"""Papers: taken by what they are and not by what they are called, sealed at rest, opened for the bank only."""

import hashlib
from typing import Final

from qrpay.core import Core
from qrpay.features.onboarding import store
from qrpay.features.onboarding.model import PAPER, MediaType, PaperKind, PaperRow, PaperView
from qrpay.features.onboarding.problems import application_locked, paper_refused, papers_full
from qrpay.problem import not_found
from qrpay.values import Id, id_from_text, id_text, new_id, rfc3339

BYTES_MAX: Final = 4_194_304
PAPERS_MAX: Final = 8
PURPOSE: Final = "application paper"
EXTENSIONS: Final = {"application/pdf": "pdf", "image/png": "png", "image/jpeg": "jpg"}

_MAGIC: Final[tuple[tuple[bytes, bytes, MediaType], ...]] = (
    # What it begins with, what stands near its end: a file that was cut on the way is no paper.
    (b"%PDF-", b"%%EOF", "application/pdf"),
    (b"\x89PNG\r\n\x1a\n", b"IEND\xaeB`\x82", "image/png"),
    (b"\xff\xd8\xff", b"\xff\xd9", "image/jpeg"),
)
TAIL: Final = 1_024


def media_type_of(file: bytes) -> MediaType | None:
    """What a file is by its own bytes; None when it is nothing we take, or was cut short."""
    for begins, ends, media_type in _MAGIC:
        if file.startswith(begins):
            return media_type if ends in file[-TAIL:] else None
    return None


async def add(core: Core, application: Id, kind: PaperKind, file: bytes) -> PaperView:
    """Keep a paper; the same file again is the same paper.

    Raises `paper_refused`, `papers_full`, `application_locked`.
    """
    media_type = media_type_of(file)
    if media_type is None:
        raise paper_refused(limit=BYTES_MAX, reason="this is none of them, or it was cut short.")
    row = PaperRow(new_id(), application, kind, media_type, len(file), hashlib.sha256(file).digest(), core.clock())
    async with core.database.transaction() as within:
        status = await store.touch(within, application, core.clock())
        if status not in ("draft", "more_needed"):
            raise application_locked(status=status)
        known = await store.papers(within, application)
        for paper in known:
            if paper.sha256 == row.sha256:
                return shown(paper)
        if len(known) >= PAPERS_MAX:
            raise papers_full(limit=PAPERS_MAX)
        await store.insert_paper(within, row, core.vault.seal(PURPOSE, file))
    return shown(row)


async def remove(core: Core, application: Id, text: str) -> None:
    """Take a paper back. Raises `not_found`, `application_locked`."""
    id_ = id_from_text(PAPER, text)
    async with core.database.transaction() as within:
        status = await store.touch(within, application, core.clock())
        if status not in ("draft", "more_needed"):
            raise application_locked(status=status)
        if id_ is None or not await store.remove_paper(within, application, id_):
            raise not_found()


async def opened(core: Core, application: Id, text: str) -> tuple[PaperRow, bytes]:
    """A paper and its content, for the bank. Raises `not_found`."""
    id_ = id_from_text(PAPER, text)
    found = None if id_ is None else await store.paper(core.database, application, id_)
    if found is None:
        raise not_found()
    row, sealed = found
    return row, core.vault.unseal(PURPOSE, sealed)


def shown(row: PaperRow) -> PaperView:
    """A paper as the applicant reads it."""
    return PaperView(
        id_text(PAPER, row.id), row.kind, row.media_type, row.size, row.sha256.hex(), rfc3339(row.created_at)
    )


def file_name(row: PaperRow) -> str:
    """What it is called when somebody of the bank saves it: nothing of it was said by the applicant."""
    return f"{row.kind}-{id_text(PAPER, row.id)}.{EXTENSIONS[row.media_type]}"
