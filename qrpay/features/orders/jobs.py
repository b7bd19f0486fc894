"""What orders do by the clock: those whose time ran out are claimed as expired."""

from qrpay.background.model import Job
from qrpay.features.orders import service

jobs = [Job("orders_expire", 1.0, service.expire)]
