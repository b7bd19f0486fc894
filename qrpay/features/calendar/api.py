"""The calendar over HTTP, for everybody: when is money paid out?"""

from qrpay.features.calendar import service
from qrpay.features.calendar.model import BusinessDays, DaysQuery
from qrpay.features.calendar.problems import calendar_unknown
from qrpay.web.routes import PUBLIC, Call, Routes

routes = Routes("Calendar")


@routes.get("/v1/business-days", caller=PUBLIC, query=DaysQuery, returns=BusinessDays, problems=[calendar_unknown])
async def list_business_days(call: Call, ask: DaysQuery) -> BusinessDays:
    """List the bank's days, `from` and `to` included: workdays, holidays, and weekends that are made up."""
    return BusinessDays(await service.days(call.core, ask.first, ask.last))
