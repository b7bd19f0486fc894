"""The conformance table: what the ledger answers, line by line, with the expected result in the last column.

    name   payer > payee   amount  what else          = result  limit used left

Names stand for fresh ids; `-` leaves an account out; `all` leaves the amount out. Amounts are fen.
"""

from tests.ledger.statement import cases

CASES = cases("""
== A payment moves money once, and a poor payer has none to move.
open A guarded with=100
open M guarded
t1   A > M   60                                       = created
t1   A > M   60                                       = exists
t2   A > M   41                                       = exceeds_credits 100 60 40
t2   A > M   40                                       = created
t3   A > M    1                                       = exceeds_credits 100 100 0
A holds 0
M holds 100

== Money that comes in can go out in the same batch, in this order and not in the other.
open A guarded
open B guarded with=10
open C guarded
t1   A > C   10                                       = exceeds_credits 0 0 0
t2   B > A   10                                       = created
t3   A > C   10                                       = created
t4   B > A    1                                       = exceeds_credits 10 10 0
C holds 10

== A failed transfer leaves no trace: its id is free again at once.
open A guarded
open M
t1   A > M   50                                       = exceeds_credits
t9   bank > A  50  code=top-up                        = debit_account_not_found
t2   M > A   50  code=refund                          = created
t1   A > M   50                                       = created
t1   A > M   50                                       = exists

== Whatever differs from what stands is named, the first of it.
open A guarded with=100
open B guarded with=100
open M
open N
t1   A > M   60  about=o1 ref=R1                      = created
t1   A > M   60  about=o1 ref=R1 hold                 = exists_with_different_flags
t1   B > N   61  about=o1 ref=R1                      = exists_with_different_debit_account
t1   A > N   61  about=o1 ref=R1                      = exists_with_different_credit_account
t1   A > M   61  code=refund                          = exists_with_different_amount
t1   A > M   60  code=refund ledger=344               = exists_with_different_code
t1   A > M   60  ledger=344 about=o1                  = exists_with_different_ledger
t1   A > M   60  about=o2 ref=R2                      = exists_with_different_about
t1   A > M   60  ref=R1                               = exists_with_different_about
t1   A > M   60  about=o1 ref=R2                      = exists_with_different_reference
t1   A > M   60  about=o1 ref=R1 of=h1                = exists_with_different_pending_id
t1   A > M   60  about=o1 ref=R1 timeout=9            = exists_with_different_timeout
t1   A > M   60  about=o1 ref=R1                      = exists
t1   ? > ?   -1                                       = exists_with_different_debit_account

== What is malformed by itself is refused before accounts are looked at.
open A guarded with=100
open M
t1   ? > ?    0                                       = amount_malformed
t1   A > M   -5                                       = amount_malformed
t1   A > M   1000000000000                            = amount_malformed
t1   A > M   9223372036854775808                      = amount_malformed
t1   A > M   all                                      = amount_malformed
t1   A > M    1  code=order-close                     = amount_malformed
t1   A > M    0  code=order-close hold                = flags_malformed
t1   A > M    1  hold post=h1                         = flags_malformed
t1   A > M    1  post=h1 timeout=5                    = timeout_malformed
t1   A > M    1  timeout=5                            = timeout_malformed
t1   A > M    1  hold timeout=-1                      = timeout_malformed
t1   A > M    1  hold timeout=34560001                = timeout_malformed
t1   A > M    1  of=h1                                = pending_id_malformed
t1   A > M    1  post                                 = pending_id_malformed
t1   A > M    1  post=t1                              = pending_id_malformed
A holds 100

== Accounts must exist, differ, and be of one ledger.
open A guarded with=100
open H ledger=344
t1   ? > ?    1                                       = debit_account_not_found
t1   ? > A    1                                       = debit_account_not_found
t1   A > ?    1                                       = credit_account_not_found
t1   A > A    1                                       = accounts_must_be_different
t1   A > H    1                                       = accounts_must_have_the_same_ledger
t1   A > H    1  ledger=344                           = accounts_must_have_the_same_ledger
A holds 100

== A closed account comes before a frozen one, and that before a lack of money.
open C guarded closed
open F guarded no-debits
open G no-credits
open A guarded
open M
t1   C > G    5                                       = debit_account_closed
t1   F > C    5                                       = credit_account_closed
t1   F > G    5                                       = debits_frozen
t1   A > G    5                                       = credits_frozen
t1   A > M    5                                       = exceeds_credits
t2   M > F    5  code=refund                          = created
F holds 5

== An account of the bank may be bound the other way: its credits never exceed its debits.
open L debtor
open M
t1   M > L    5                                       = exceeds_debits 0 0 0
t2   L > M    7                                       = created
t1   M > L    5                                       = created
t3   M > L    3                                       = exceeds_debits 7 5 2
L holds -2

== A marker claims an id, moves nothing, and needs no account.
open A guarded with=100
open M
o1   x > y    0  code=order-close                     = created
o1   x > y    0  code=order-close                     = exists
o1   x > y    0  code=order-expire                    = exists_with_different_code
o1   A > M   10                                       = exists_with_different_debit_account
o2   A > M   10                                       = created
o2   x > y    0  code=order-close                     = exists_with_different_debit_account
A holds 90

== A chain stands or falls as one.
open A guarded with=100
open M
c1   x > y    0  code=code-used about=t1 linked       = created
t1   A > M   60                                       = created
c1   x > y    0  code=code-used about=t1 linked       = exists
t1   A > M   60                                       = exists
c2   x > y    0  code=code-used about=t2 linked       = linked_event_failed
t2   A > M   60                                       = exceeds_credits 100 60 40
t3   A > M   10  linked                               = linked_event_failed
t4   A > ?   10  linked                               = credit_account_not_found
t5   A > M   10                                       = linked_event_failed
t1   A > M   60                                       = exists
c2   x > y    0  code=code-used about=t2 linked       = created
t2   A > M   40                                       = created
A holds 0
M holds 100

== A used code stops the payment beside it.
open A guarded with=100
open M
c1   x > y    0  code=code-used about=t1 linked       = created
t1   A > M   10                                       = created
c1   x > y    0  code=code-used about=t2 linked       = exists_with_different_about
t2   A > M   10                                       = linked_event_failed
t1   A > M   11  linked                               = exists_with_different_amount
t3   A > M    1                                       = linked_event_failed
t4   A > M    1  linked                               = linked_event_failed
t1   A > M   10                                       = exists
t5   A > M    1  linked                               = linked_event_failed
t5   A > M    1                                       = linked_event_failed
A holds 90

== Within a chain money that came in can go out, and all of it is taken back when the chain fails.
open A guarded
open B guarded with=50
open M
t1   B > A   50  linked                               = created
t2   A > M   50                                       = created
t3   M > B   50  code=refund linked                   = linked_event_failed
t4   B > A   50  linked                               = linked_event_failed
t5   A > M   51                                       = exceeds_credits 100 50 50
A holds 0
B holds 0
M holds 50

== A chain that is left open fails; what came before it stands.
open A guarded with=100
open M
t1   A > M   10                                       = created
t2   A > M   10  linked                               = linked_event_failed
t3   A > M   10  linked                               = linked_event_chain_open

== A hold reserves; posting moves it, once.
open A guarded with=100
open M guarded
h1   A > M   60  hold                                 = created
t1   A > M   41                                       = exceeds_credits 100 60 40
p1   - > -   all post=h1                              = created
p1   - > -   all post=h1                              = exists
p1   A > M   60  post=h1 code=payment                 = exists
p1   - > -   59  post=h1                              = exists_with_different_amount
p2   - > -   all post=h1                              = pending_transfer_already_posted
v1   - > -   all void=h1                              = pending_transfer_already_posted
A holds 40
M holds 60

== Posting a part frees the rest; voiding frees all.
open A guarded with=100
open M
h1   A > M   60  hold about=b1 ref=R1                 = created
h2   A > M   40  hold                                 = created
p1   - > -   61  post=h1                              = exceeds_pending_amount
p1   - > -    0  post=h1                              = amount_malformed
p1   - > -   20  post=h1                              = created
p1   A > M   20  post=h1 about=b1 ref=R1              = exists
v2   - > -   39  void=h2                              = pending_transfer_different
v2   - > -   all void=h2                              = created
p2   - > -   all post=h2                              = pending_transfer_already_voided
v3   - > -   all void=h2                              = pending_transfer_already_voided
t1   A > M   80                                       = created
A holds 0

== A resolution names a hold that stands, and says nothing else than it.
open A guarded with=100
open B guarded with=100
open M
t1   A > M   10                                       = created
h1   A > M   10  hold                                 = created
p1   - > -   all post=h9                              = pending_transfer_not_found
p1   - > -   all post=t1                              = pending_transfer_not_pending
p1   B > -   all post=h1                              = pending_transfer_different
p1   - > -   all post=h1 code=refund                  = pending_transfer_different
p1   - > -   all post=h1 ledger=344                   = pending_transfer_different
A holds 90 and owes 10

== A hold can be resolved in the batch that makes it, but not before it.
open A guarded with=100
open M
p1   - > -   all post=h1                              = pending_transfer_not_found
h1   A > M   10  hold                                 = created
p1   - > -   all post=h1                              = created
h2   A > M   90  hold linked                          = created
v2   - > -   all void=h2                              = created
t1   A > M   90                                       = created
h3   A > M    1  hold                                 = exceeds_credits
v3   - > -   all void=h3                              = pending_transfer_not_found
M holds 100

== A hold that ran out of time counts as free, and cannot be posted any more.
open A guarded with=100
open M
h1   A > M   70  hold timeout=60                      = created
h2   A > M   20  hold timeout=3600                    = created
t1   A > M   11                                       = exceeds_credits 100 90 10
wait 59 s
t1   A > M   11                                       = exceeds_credits 100 90 10
wait 2 s
p1   - > -   all post=h1                              = pending_transfer_expired
v1   - > -   all void=h1                              = pending_transfer_expired
t1   A > M   80                                       = created
p2   - > -   all post=h2                              = created
t2   A > M    1                                       = exceeds_credits 100 100 0
A holds 0
M holds 100

== What ran out is given back though nobody asks.
open A guarded with=100
open M
h1   A > M   70  hold timeout=60                      = created
A holds 100 and owes 70
M holds 0 and awaits 70
wait 61 s
A holds 100
p1   - > -   all post=h1                              = pending_transfer_expired

== The cap of the day counts payments and holds up to its last fen, and begins anew at midnight in Beijing.
open A guarded with=1000 day_limit=100
open M
it is 2027-03-01T23:59:58 in Beijing
t1   A > M   99                                       = created
t2   A > M    2                                       = exceeds_cap_day 100 99 1
h1   A > M    2  hold                                 = exceeds_cap_day 100 99 1
t3   A > M    1                                       = created
h1   A > M    1  hold                                 = exceeds_cap_day 100 100 0
t4   M > A   50  code=refund                          = created
t2   A > M    1                                       = exceeds_cap_day 100 100 0
t5   A > M  900  code=refund                          = created
it is 2027-03-02T00:00:00 in Beijing
t2   A > M  101                                       = exceeds_credits 1050 1000 50
t6   A > M   50                                       = created
M holds 1000

== The cap of the year goes on over midnight, and begins anew at New Year in Beijing.
open A guarded with=1000 day_limit=100 year_limit=150
open M
it is 2027-12-30T12:00:00 in Beijing
t1   A > M  100                                       = created
it is 2027-12-31T23:59:59 in Beijing
t2   A > M   51                                       = exceeds_cap_year 150 100 50
t3   A > M  101                                       = exceeds_cap_day 100 0 100
t2   A > M   50                                       = created
it is 2028-01-01T00:00:00 in Beijing
t4   A > M  100                                       = created
t5   A > M    1                                       = exceeds_cap_day 100 100 0
M holds 250

== A failed chain gives its caps back.
open A guarded with=1000 day_limit=100
open M
t1   A > M   60  linked                               = linked_event_failed
t2   A > M   50                                       = exceeds_cap_day 100 60 40
t3   A > M  100                                       = created
A holds 900

== The cap of the balance holds at any moment, and counts what is on its way.
open A guarded balance_limit=100
open B with=1000
open M
t1   B > A   90                                       = created
t2   B > A   11                                       = exceeds_cap_balance 100 90 10
h1   B > A   10  hold                                 = created
t2   B > A    1                                       = exceeds_cap_balance 100 100 0
t3   A > M   40                                       = created
t4   B > A   40                                       = created
p1   - > -   all post=h1                              = created
t2   B > A    1                                       = exceeds_cap_balance 100 100 0
A holds 100

== A balancing transfer moves up to what the payer has, what is held apart; without money it says so.
open A guarded with=100
open B guarded with=10
open M guarded
t1   A > M  120  payer-has                            = created
A holds 0
M holds 100
t2   A > M  120  payer-has                            = nothing_to_balance
t2   A > M    0  payer-has                            = amount_malformed
t3   M > A   30  payer-has                            = created
h1   A > M   10  hold                                 = created
t2   A > M  120  payer-has                            = created
A holds 10 and owes 10
M holds 90 and awaits 10
t4   A > M  all  payer-has                            = nothing_to_balance
v1   - > -  all  void=h1                              = created
t4   A > M  all  payer-has                            = created
t5   A > M  all  payer-has                            = nothing_to_balance
M holds 100

== A retry of a balancing transfer asks for at least what it moved; less is another amount.
open A guarded with=100
open M
t1   A > M  120  payer-has                            = created
t1   A > M  120  payer-has                            = exists
t1   A > M  100  payer-has                            = exists
t1   A > M  all  payer-has                            = exists
t1   A > M   99  payer-has                            = exists_with_different_amount
t1   A > M  100                                       = exists_with_different_flags
t1   A > M  120  payee-owes                           = exists_with_different_flags

== A balancing transfer moves up to what the payee owes; with both, the lesser.
open L debtor
open A guarded with=100
open M
t1   A > L   50  payee-owes                           = nothing_to_balance
t2   L > M   30                                       = created
t1   A > L   50  payee-owes                           = created
L holds 0
A holds 70
t3   L > M   90                                       = created
t4   A > L  all  payee-owes payer-has                 = created
t5   A > L  all  payee-owes payer-has                 = nothing_to_balance
A holds 0
L holds -20

== A balancing hold reserves what is there, and is posted or voided as every other.
open A guarded with=100
open M
h1   A > M  500  hold payer-has                       = created
A holds 100 and owes 100
t1   A > M    1                                       = exceeds_credits 100 100 0
h1   A > M  100  hold payer-has                       = exists
p1   - > -   40  post=h1                              = created
h2   A > M  all  hold payer-has timeout=60            = created
A holds 60 and owes 60
wait 61 s
h3   A > M  all  hold payer-has                       = created
v3   - > -  all  void=h3                              = created
A holds 60

== A balancing transfer is bounded by the accounts, not by caps: a cap still refuses.
open A guarded with=100
open C guarded balance_limit=60
t1   A > C  all  payer-has code=refund                = exceeds_cap_balance 60 0 60
t1   A > C   60  payer-has code=refund                = created
C holds 60

== Only what moves or holds can balance, only a hold can close, and nothing is two things.
open A guarded with=100
open M
h1   A > M   10  hold                                 = created
p1   - > -  all  post=h1 payer-has                    = flags_malformed
v1   - > -  all  void=h1 closes-payer                 = flags_malformed
t1   A > M   10  closes-payer                         = flags_malformed
t1   A > M   10  closes-payee payer-has               = flags_malformed
t1   A > M    0  code=order-close payer-has           = flags_malformed
t1   A > M   10  flags=256                            = flags_malformed
t1   A > M   10  flags=-32                            = flags_malformed
t1   A > M   10  timeout=9 payer-has                  = timeout_malformed

== A closing transfer closes an account as long as it is pending; voids still work there, posts do not.
open A guarded with=100
open M guarded with=5
h1   A > M   10  hold                                 = created
h2   A > M   20  hold                                 = created
c1   A > M    0  hold closes-payer code=closing       = created
c1   A > M    0  hold closes-payer code=closing       = exists
t1   A > M    1                                       = debit_account_closed
t1   M > A    1  code=refund                          = credit_account_closed
c2   A > M    0  hold closes-payer code=closing       = debit_account_closed
p1   - > -  all  post=h1                              = debit_account_closed
v1   - > -  all  void=h1                              = created
p0   - > -  all  post=c1                              = amount_malformed
reopen A = closed_by_transfer
t1   A > M    1                                       = debit_account_closed
v0   - > -    1  void=c1                              = pending_transfer_different
v0   - > -  all  void=c1                              = created
v0   - > -  all  void=c1                              = exists
t1   A > M    1                                       = created
p2   - > -  all  post=h2                              = created
A holds 79
M holds 26

== A closing transfer can hold what is left, and close either side or both.
open A guarded with=100
open M guarded
c1   A > M  all  hold closes-payer payer-has code=closing   = created
A holds 100 and owes 100
p1   - > -  all  post=c1                              = debit_account_closed
v1   - > -  all  void=c1                              = created
c2   A > M   10  hold closes-payee code=closing       = created
t1   A > M    1                                       = credit_account_closed
v2   - > -  all  void=c2                              = created
c3   A > M    0  hold closes-payer closes-payee code=closing  = created
t1   M > A    1                                       = debit_account_closed
v3   - > -  all  void=c3                              = created
t1   A > M  100                                       = created
c4   A > M  all  hold closes-payer payer-has code=closing   = created
t2   M > A    1  code=refund                          = credit_account_closed

== A closing transfer that ran out of time hinders no post, on either side of the hold, even if nobody else asks.
open A guarded with=100
open M guarded
h1   A > M   10  hold                                 = created
h2   A > M   10  hold                                 = created
c1   A > M    0  hold closes-payer code=closing timeout=60  = created
wait 61 s
p1   - > -  all  post=h1                              = created
c2   A > M    0  hold closes-payee code=closing timeout=60  = created
wait 61 s
p2   - > -    4  post=h2                              = created
A holds 86
M holds 14

== A closing transfer that runs out of time opens its account again.
open A guarded with=100
open M
c1   A > M    0  hold closes-payer code=closing timeout=60  = created
wait 59 s
t1   A > M    1                                       = debit_account_closed
wait 2 s
t1   A > M    1                                       = created
v1   - > -  all  void=c1                              = pending_transfer_expired
A holds 99
c2   A > M    0  hold closes-payer code=closing timeout=60  = created
reopen A = closed_by_transfer
wait 61 s
reopen A = unchanged
t2   A > M    1                                       = created

== Closed, opened and paid within one batch, chained and not.
open A guarded with=100
open M guarded
c1   A > M    0  hold closes-payer code=closing       = created
t1   A > M    1                                       = debit_account_closed
v1   - > -  all  void=c1                              = created
t1   A > M    1                                       = created
c2   A > M    0  hold closes-payer code=closing linked  = linked_event_failed
t2   A > M    2                                       = debit_account_closed
t2   A > M    2                                       = created
c3   A > M    0  hold closes-payer code=closing linked  = created
v3   - > -  all  void=c3 linked                       = created
t3   A > M    3                                       = created
c4   A > M  all  hold closes-payer payer-has code=closing   = created
t4   A > M    1                                       = debit_account_closed
A holds 94 and owes 94

== An account is frozen against debits, or against both, and unfrozen; nothing posted is touched.
open A guarded with=100
open M guarded
h1   A > M   10  hold                                 = created
freeze debits of A = changed
freeze debits of A = unchanged
t1   A > M    1                                       = debits_frozen
p1   - > -  all  post=h1                              = debits_frozen
t2   M > A    1  code=refund                          = exceeds_credits 0 0 0
freeze A = changed
t2   M > A    1  code=refund                          = credits_frozen
v1   - > -  all  void=h1                              = created
freeze debits of A = changed
t3   A > M  all  payer-has                            = debits_frozen
unfreeze A = changed
unfreeze A = unchanged
freeze Z = account_not_found
t1   A > M   40                                       = created
freeze M = changed
t4   A > M   10                                       = credits_frozen
A holds 60
M holds 40

== Closing directly stays, whatever closing transfers do.
open A guarded with=100
open M guarded
h1   A > M   10  hold                                 = created
close A = changed
close A = unchanged
t1   A > M    1                                       = debit_account_closed
v1   - > -  all  void=h1                              = created
c1   A > M    0  hold closes-payer code=closing       = debit_account_closed
reopen A = changed
c1   A > M    0  hold closes-payer code=closing       = created
close A = changed
v2   - > -  all  void=c1                              = created
t1   A > M    1                                       = debit_account_closed
reopen A = changed
reopen A = unchanged
t1   A > M    1                                       = created

== A correction names what it corrects, and gives it back the other way; nothing is changed.
open A guarded with=100
open M guarded
open H ledger=344
t1   A > M   60                                       = created
k1   M > A   60  code=correction                      = about_malformed
k1   M > A   60  code=correction about=k1             = about_malformed
k1   M > A   60  code=correction about=t9             = corrected_transfer_not_found
k1   M > A   20  code=correction about=t1             = created
k1   M > A   20  code=correction about=t1             = exists
k1   M > A   20  code=correction about=t2             = exists_with_different_about
k2   M > A   41  code=correction about=t1             = exceeds_credits 60 20 40
k2   M > A   40  code=correction about=t1             = created
o1   x > y    0  code=order-close                     = created
k3   A > M    1  code=correction about=o1             = corrected_transfer_not_found
k3   A > M    1  code=correction about=k1             = created
A holds 99

== A wrong transfer and its correction can stand in one batch, in this order.
open A guarded with=100
open M guarded
k1   M > A   60  code=correction about=t1             = corrected_transfer_not_found
t1   A > M   60                                       = created
k1   M > A   60  code=correction about=t1             = created
k2   M > A    1  code=correction about=t2 linked      = corrected_transfer_not_found
t2   A > M    1                                       = linked_event_failed
A holds 100

== A chain may hold, post, void, balance and mark, and is taken back as one.
open A guarded with=100
open B guarded with=50
open M guarded
h1   A > M   70  hold linked                          = created
p1   - > -   30  post=h1 linked                       = created
h2   B > M   50  hold linked                          = created
v2   - > -  all  void=h2 linked                       = created
t1   B > M   20  linked                               = created
t2   M > B  all  payer-has linked                     = created
o1   x > y    0  code=order-close                     = created
A holds 70
B holds 80
M holds 0
h3   A > M   70  hold linked                          = linked_event_failed
p3   - > -   30  post=h3 linked                       = linked_event_failed
t3   M > B  all  payer-has linked                     = linked_event_failed
t4   M > B  all  payer-has linked                     = nothing_to_balance
o2   x > y    0  code=order-close                     = linked_event_failed
A holds 70
h3   A > M   70  hold                                 = created
o2   x > y    0  code=order-close                     = created

== A hold may wait for 400 days.
open A guarded with=100
open M
h1   A > M   10  hold timeout=34560001                = timeout_malformed
h1   A > M   10  hold timeout=34560000                = created
wait 34559998 s
A holds 100 and owes 10
p0   - > -   11  post=h1                              = exceeds_pending_amount
wait 3 s
A holds 100
p1   - > -  all  post=h1                              = pending_transfer_expired

== Money and points stand side by side, and never mix.
open A guarded with=100
open P guarded with=500 ledger=1001
open M guarded
open N guarded ledger=1001
t1   A > M   10                                       = created
t2   P > N   10  ledger=1001                          = created
t3   A > N    1                                       = accounts_must_have_the_same_ledger
t3   P > M    1  ledger=1001                          = accounts_must_have_the_same_ledger
t3   P > N    1                                       = accounts_must_have_the_same_ledger
t4   P > N   90  ledger=1001 linked                   = linked_event_failed
t5   A > N    1                                       = accounts_must_have_the_same_ledger
M holds 10
N holds 10

== Numbers and texts that the database cannot keep are refused as values.
open A guarded with=100
open M
t1   A > M    1  code=0                               = code_malformed
t1   A > M    1  code=32768                           = code_malformed
t1   A > M    1  code=-1                              = code_malformed
t1   A > M    1  ledger=0                             = ledger_malformed
t1   A > M    1  ledger=2147483648                    = ledger_malformed
o1   x > y    0  code=order-close ledger=2147483648   = ledger_malformed
t1   A > M    1  ref=NUL                              = reference_malformed
t1   A > M    1  ref=HALF                             = reference_malformed
t1   A > M    1  ref=LONG                             = reference_malformed
t1   A > M    1  code=99                              = created

== A poor payer fails alone: the others of the batch are paid.
open A guarded with=10
open B guarded with=10
open M guarded
t1   A > M    6                                       = created
t2   B > M    6                                       = created
t3   A > M    6                                       = exceeds_credits 10 6 4
t4   B > M    4                                       = created
t5   A > M    4                                       = created
M holds 20

== One call is decided in its order, whatever kinds of transfers are in it.
open A guarded with=50
open B guarded with=20 balance_limit=25
open X guarded with=20
open M
t0   A > M   10                                       = created
c1   M > B   10  code=correction about=t0             = exceeds_cap_balance 25 20 5
t2   B > X    6                                       = created
t3   B > M  all  payer-has                            = created
t4   X > B    5                                       = created
B holds 5
""")
