"""What onboarding does by the clock."""

from typing import Final

from qrpay.background.model import Job
from qrpay.features.onboarding import service

jobs: Final = [Job("onboarding forgets drafts", 3_600.0, service.forget_drafts)]
