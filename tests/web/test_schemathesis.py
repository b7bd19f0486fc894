"""Schemathesis reads the served reference and tries whether the server keeps it."""

import asyncio
import sys
from pathlib import Path

from tests.features.people import session_of
from tests.web.world import Api, nothing_moves

SECONDS = 45
CONFIG = """
[auth.openapi]
merchant_key = {{ bearer = "{merchant}" }}
access_token = {{ bearer = "{wallet}" }}
operator_session = {{ api_key = "{operator}" }}

[parameters]
wait = 0

[checks]
missing_required_header.expected-statuses = [400, 401, 403, 406, 415, 422, 429]
negative_data_rejection.expected-statuses = [400, 401, 403, 404, 405, 409, 410, 413, 415, 422, 429]
"""


async def test_the_server_keeps_what_its_reference_says(api: Api, tmp_path: Path) -> None:
    """Good and bad requests to every call: no fault, no answer the reference does not know, nothing moves."""
    config = tmp_path / "schemathesis.toml"
    operator = await session_of(api, api.demo.operator)
    written = CONFIG.format(merchant=api.other_shop, wallet=api.ana, operator=operator)
    config.write_text(written, encoding="utf-8")
    async with nothing_moves(api):
        run = await asyncio.create_subprocess_exec(
            str(Path(sys.executable).with_name("schemathesis")),
            "--config-file", str(config), "run", f"{api.demo.base_url}/openapi.json",
            "--phases", "coverage,fuzzing", "--max-time", str(SECONDS), "--max-examples", "20", "--seed", "7",
            "--exclude-path", "/v1/events/stream",  # it ends when the token does; the tests of events read it
            "--exclude-tag", "Pages",
            "--exclude-operation-id", "operator_sign_out",  # it would end the session that the others are tried with
            # Most of what fits the schema is refused by rules it cannot say, such as a code that nobody signed.
            "--exclude-checks", "positive_data_acceptance",
            "--no-shrink", "--continue-on-failure", "--warnings", "off", "--request-timeout", "5",
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, cwd=tmp_path,
        )  # fmt: skip
        said, _ = await run.communicate()
    assert run.returncode == 0, "\n".join(line[:300] for line in said.decode().splitlines()[-400:])
