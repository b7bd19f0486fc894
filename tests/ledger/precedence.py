"""The table that walks down docs/reference/ledger.md: one case for each result and the one above it.

A case shows a transfer that deserves both, which gets the upper one, and then the lower one alone. Where no transfer
can deserve both, its claim says why, and only the lower one is shown. The notation is conformance.py's; `carry` moves
counters behind the ledger's back.
"""

from tests.ledger.statement import cases

CASES = cases("""
== linked_event_chain_open
open A guarded with=100
open M
t1   A > M    1  linked                               = linked_event_chain_open

== linked_event_chain_open, then linked_event_failed
open A guarded with=100
open M
t1   A > M  101  linked                               = linked_event_failed
t2   A > M    1  linked                               = linked_event_chain_open
A holds 100
t1   A > M    1  linked                               = linked_event_failed
t2   A > M  101                                       = exceeds_credits

== linked_event_failed, then exists
open A guarded with=100
open M
t1   A > M    1                                       = created
t2   A > M    1                                       = created
t1   A > M    1  linked                               = linked_event_failed
t2   A > M    2                                       = exists_with_different_amount
t1   A > M    1                                       = exists

== exists, then exists_with_different_flags (never both: it is the same, or it differs)
open A guarded with=100
open M
t1   A > M    1                                       = created
t1   A > M    1  hold                                 = exists_with_different_flags

== exists_with_different_flags, then exists_with_different_debit_account
open A guarded with=100
open B
open M
t1   A > M    1                                       = created
t1   B > M    1  hold                                 = exists_with_different_flags
t1   B > M    1                                       = exists_with_different_debit_account

== exists_with_different_debit_account, then exists_with_different_credit_account
open A guarded with=100
open M
t1   A > M    1                                       = created
t1   ? > ?    1                                       = exists_with_different_debit_account
t1   A > ?    1                                       = exists_with_different_credit_account

== exists_with_different_credit_account, then exists_with_different_amount
open A guarded with=100
open M
t1   A > M    1                                       = created
t1   A > ?    2                                       = exists_with_different_credit_account
t1   A > M    2                                       = exists_with_different_amount

== exists_with_different_amount, then exists_with_different_code
open A guarded with=100
open M
t1   A > M    1                                       = created
t1   A > M    2  code=refund                          = exists_with_different_amount
t1   A > M    1  code=refund                          = exists_with_different_code

== exists_with_different_code, then exists_with_different_ledger
open A guarded with=100
open M
t1   A > M    1                                       = created
t1   A > M    1  code=refund ledger=344               = exists_with_different_code
t1   A > M    1  ledger=344                           = exists_with_different_ledger

== exists_with_different_ledger, then exists_with_different_about
open A guarded with=100
open M
t1   A > M    1                                       = created
t1   A > M    1  ledger=344 about=o1                  = exists_with_different_ledger
t1   A > M    1  about=o1                             = exists_with_different_about

== exists_with_different_about, then exists_with_different_reference
open A guarded with=100
open M
t1   A > M    1                                       = created
t1   A > M    1  about=o1 ref=R1                      = exists_with_different_about
t1   A > M    1  ref=R1                               = exists_with_different_reference

== exists_with_different_reference, then exists_with_different_pending_id
open A guarded with=100
open M
t1   A > M    1                                       = created
t1   A > M    1  ref=R1 of=h1                         = exists_with_different_reference
t1   A > M    1  of=h1                                = exists_with_different_pending_id

== exists_with_different_pending_id, then exists_with_different_timeout
open A guarded with=100
open M
t1   A > M    1                                       = created
t1   A > M    1  of=h1 timeout=9                      = exists_with_different_pending_id
t1   A > M    1  timeout=9                            = exists_with_different_timeout

== exists_with_different_timeout, then amount_malformed (never both: what stands is sound, so another amount is named)
open A guarded with=100
open M
t1   A > M    1                                       = created
t1   A > M    0  timeout=9                            = exists_with_different_amount
t2   A > M    0                                       = amount_malformed

== amount_malformed, then code_malformed
open A guarded with=100
open M
t1   A > M    0  code=0                               = amount_malformed
t1   A > M    1  code=0                               = code_malformed

== code_malformed, then ledger_malformed
open A guarded with=100
open M
t1   A > M    1  code=0 ledger=0                      = code_malformed
t1   A > M    1  ledger=0                             = ledger_malformed

== ledger_malformed, then reference_malformed
open A guarded with=100
open M
t1   A > M    1  ledger=0 ref=NUL                     = ledger_malformed
t1   A > M    1  ref=NUL                              = reference_malformed

== reference_malformed, then flags_malformed
open A guarded with=100
open M
t1   A > M    1  ref=NUL flags=256                    = reference_malformed
t1   A > M    1  flags=256                            = flags_malformed

== flags_malformed, then timeout_malformed
open A guarded with=100
open M
t1   A > M    1  closes-payer timeout=9               = flags_malformed
t1   A > M    1  timeout=9                            = timeout_malformed

== timeout_malformed, then pending_id_malformed
open A guarded with=100
open M
t1   A > M    1  timeout=9 of=h1                      = timeout_malformed
t1   A > M    1  of=h1                                = pending_id_malformed

== pending_id_malformed, then about_malformed
open A guarded with=100
open M
t1   A > M    1  of=h1 code=correction                = pending_id_malformed
t1   A > M    1  code=correction                      = about_malformed

== about_malformed, then pending_transfer_not_found (never both: a post or void inherits what it is about)
open A guarded with=100
open M
p1   A > M    1  post=h1                              = pending_transfer_not_found

== pending_transfer_not_found, then pending_transfer_not_pending (never both: it is there, or it is not)
open A guarded with=100
open M
t1   A > M    1                                       = created
p1   - > -  all  post=t1                              = pending_transfer_not_pending

== pending_transfer_not_pending, then pending_transfer_different
open A guarded with=100
open M
t1   A > M    1                                       = created
h1   A > M    1  hold                                 = created
p1   ? > -  all  post=t1                              = pending_transfer_not_pending
p1   ? > -  all  post=h1                              = pending_transfer_different

== pending_transfer_different, then pending_transfer_already_posted
open A guarded with=100
open M
h1   A > M    2  hold                                 = created
p1   - > -    1  post=h1                              = created
p2   ? > -  all  post=h1                              = pending_transfer_different
v2   - > -    1  void=h1                              = pending_transfer_different
p2   - > -  all  post=h1                              = pending_transfer_already_posted

== pending_transfer_already_posted, then pending_transfer_already_voided (never both: a hold is resolved once)
open A guarded with=100
open M
h1   A > M    1  hold                                 = created
v1   - > -  all  void=h1                              = created
p1   - > -  all  post=h1                              = pending_transfer_already_voided

== pending_transfer_already_voided, then pending_transfer_expired
open A guarded with=100
open M
h1   A > M    1  hold timeout=60                      = created
h2   A > M    1  hold timeout=60                      = created
v1   - > -  all  void=h1                              = created
wait 61 s
p1   - > -  all  post=h1                              = pending_transfer_already_voided
p2   - > -  all  post=h2                              = pending_transfer_expired

== pending_transfer_expired, then exceeds_pending_amount
open A guarded with=100
open M
h1   A > M    1  hold timeout=60                      = created
h2   A > M    1  hold                                 = created
wait 61 s
p1   - > -    2  post=h1                              = pending_transfer_expired
p2   - > -    2  post=h2                              = exceeds_pending_amount

== exceeds_pending_amount, then debit_account_not_found (never both: the accounts of a hold are there)
open M
t1   ? > M    1                                       = debit_account_not_found

== debit_account_not_found, then credit_account_not_found
open A guarded with=100
t1   ? > ?    1                                       = debit_account_not_found
t1   A > ?    1                                       = credit_account_not_found

== credit_account_not_found, then accounts_must_have_the_same_ledger
open A guarded with=100
open H ledger=344
t1   A > ?    1  ledger=344                           = credit_account_not_found
t1   A > H    1                                       = accounts_must_have_the_same_ledger

== accounts_must_have_the_same_ledger, then accounts_must_be_different
open A guarded with=100
t1   A > A    1  ledger=344                           = accounts_must_have_the_same_ledger
t1   A > A    1                                       = accounts_must_be_different

== accounts_must_be_different, then corrected_transfer_not_found
open A guarded with=100
open M
t1   A > A    1  code=correction about=t9             = accounts_must_be_different
t1   A > M    1  code=correction about=t9             = corrected_transfer_not_found

== corrected_transfer_not_found, then debit_account_closed
open C guarded closed
open M
t1   C > M    1  code=correction about=t9             = corrected_transfer_not_found
t1   C > M    1                                       = debit_account_closed

== debit_account_closed, then credit_account_closed
open A guarded with=100
open C guarded closed
open D guarded closed
t1   C > D    1                                       = debit_account_closed
t1   A > D    1                                       = credit_account_closed

== credit_account_closed, then debits_frozen
open C guarded closed
open F guarded no-debits
open M
t1   F > C    1                                       = credit_account_closed
t1   F > M    1                                       = debits_frozen

== debits_frozen, then credits_frozen
open A guarded with=100
open F guarded no-debits
open G guarded no-credits
t1   F > G    1                                       = debits_frozen
t1   A > G    1                                       = credits_frozen

== credits_frozen, then nothing_to_balance
open P guarded
open G guarded no-credits
open M
t1   P > G  all  payer-has                            = credits_frozen
t1   P > M  all  payer-has                            = nothing_to_balance

== nothing_to_balance, then overflows_debits (never both: what moves nothing overflows nothing)
open X
open Y
open M
carry X > Y 9223372036854775800
t1   X > M    7                                       = created
t2   X > M    1                                       = overflows_debits
carry X > Y -9223372036854775800

== overflows_debits, then overflows_credits
open A guarded with=100
open X
open Y
carry X > Y 9223372036854775800
t1   X > Y    8                                       = overflows_debits
t1   A > Y    8                                       = overflows_credits
carry X > Y -9223372036854775800

== overflows_credits, then exceeds_credits
open P guarded
open X
open Y
open M
carry X > Y 9223372036854775800
t1   P > Y    8                                       = overflows_credits
t1   P > M    8                                       = exceeds_credits 0 0 0
carry X > Y -9223372036854775800

== exceeds_credits, then exceeds_debits
open A guarded with=100
open P guarded
open L debtor
t1   P > L    1                                       = exceeds_credits
t1   A > L    1                                       = exceeds_debits 0 0 0

== exceeds_debits, then exceeds_cap_day
open K guarded with=100 day_limit=10
open L debtor
open M
t1   K > L   11                                       = exceeds_debits
t1   K > M   11                                       = exceeds_cap_day 10 0 10

== exceeds_cap_day, then exceeds_cap_year
open K guarded with=100 day_limit=10 year_limit=5
open M
t1   K > M   11                                       = exceeds_cap_day
t1   K > M    6                                       = exceeds_cap_year 5 0 5

== exceeds_cap_year, then exceeds_cap_balance
open A guarded with=100
open K guarded with=100 year_limit=5
open B balance_limit=5
t1   K > B    6                                       = exceeds_cap_year
t1   A > B    6                                       = exceeds_cap_balance 5 0 5

== exceeds_cap_balance, then exceeds_cap_code_a
open A guarded with=100
open B balance_limit=5
open M
cap A code_a 4
t1   A > B    6  code=payment-signed                  = exceeds_cap_balance
t1   A > M    6  code=payment-signed                  = exceeds_cap_code_a 4 0 4

== exceeds_cap_code_a, then exceeds_cap_code_b (never both: a payment is of one class)
open A guarded with=100
open M
cap A code_b 4
t1   A > M    5  code=payment-pin                     = exceeds_cap_code_b 4 0 4

== exceeds_cap_code_b, then exceeds_cap_code_c (never both: a payment is of one class)
open A guarded with=100
open M
cap A code_c 4
t1   A > M    5                                       = exceeds_cap_code_c 4 0 4

== exceeds_cap_code_c, then exceeds_cap_code_d (never both: a payment is of one class)
open A guarded with=100
open M
cap A code_d 4
t1   A > M    5  code=payment-static                  = exceeds_cap_code_d 4 0 4

== exceeds_cap_code_d, then exceeds_cap_inflow_day (never both: a payment by code is no inflow)
open A guarded with=100
open B
cap B inflow_day 4
t1   A > B    5  code=deposit                         = exceeds_cap_inflow_day 4 0 4

== exceeds_cap_inflow_day, then exceeds_cap_inflow_year
open A guarded with=100
open B
cap B inflow_day 5
cap B inflow_year 4
t1   A > B    6  code=deposit                         = exceeds_cap_inflow_day 5 0 5
t1   A > B    5  code=deposit                         = exceeds_cap_inflow_year 4 0 4

== exceeds_cap_inflow_year, then created (never both: it failed, or it stands)
open A guarded with=100
open B
cap B inflow_year 5
t1   A > B    5  code=deposit                         = created
""")
