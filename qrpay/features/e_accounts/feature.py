"""E-accounts: customers, their accounts, tokens and PINs."""

from qrpay.feature import Feature
from qrpay.features.e_accounts import api, cap_commands, commands, finders, service, store
from qrpay.features.e_accounts.tokens import PREFIX
from qrpay.web.callers import Credential, Wallet

feature = Feature(
    routes=[api.routes, api.ledger_routes],
    # A token carries its end, which is looked at on every call; so it may be remembered for as long.
    credentials=[Credential(prefix=PREFIX, caller=Wallet, check=service.check_token, remember_s=86_400.0)],
    checks=store.STATEMENTS.checks,
    finders=finders.finders,
    commands=[commands.customers, cap_commands.caps],
)
