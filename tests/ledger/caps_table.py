"""What caps say, line by line; the notation is that of conformance.py, and that of caps in statement.py.

cap A day 100 from 2027-03-02       of account A; `none` lifts it, `inherits` leaves it to the class again
cap class-ii day 100                of all accounts of class II in the case's own ledger; `every`: by class of code
share A B                           they are one person's
A may day 40 of 100 until …         what is left, and when it begins anew (Beijing)
"""

from tests.ledger.statement import cases

CASES = cases("""
== The day ends at midnight in Beijing, to the microsecond.
open A guarded with=1000 day_limit=100
open M
it is 2027-03-01T23:59:59.999998 in Beijing
t1   A > M   60                                       = created
A may day 40 of 100 until 2027-03-02T00:00:00
it is 2027-03-01T23:59:59.999999 in Beijing
t2   A > M   41                                       = exceeds_cap_day 100 60 40
t2   A > M   40                                       = created
t3   A > M    1                                       = exceeds_cap_day 100 100 0
it is 2027-03-02T00:00:00 in Beijing
A may day 100 of 100 until 2027-03-03T00:00:00
t3   A > M  100                                       = created
t4   A > M    1                                       = exceeds_cap_day 100 100 0

== The year ends at New Year in Beijing, to the microsecond, while the day's cap begins anew as well.
open A guarded with=1000 day_limit=80 year_limit=100
open M
it is 2027-12-31T23:59:59.999999 in Beijing
t1   A > M   70                                       = created
A may year 30 of 100 until 2028-01-01T00:00:00
t2   A > M   31                                       = exceeds_cap_day 80 70 10
it is 2028-01-01T00:00:00 in Beijing
A may year 100 of 100 until 2029-01-01T00:00:00
t2   A > M   80                                       = created
it is 2028-01-02T00:00:00 in Beijing
t3   A > M   21                                       = exceeds_cap_year 100 80 20
t3   A > M   20                                       = created

== Each class of code has a counter of its own; the day's cap counts them all.
open A guarded with=1000 day_limit=100
open M
cap A code_b 50
cap A code_c 30
cap A code_d 10
t1   A > M   31                                       = exceeds_cap_code_c 30 0 30
t1   A > M   30                                       = created
t2   A > M   50  code=payment-pin                     = created
t3   A > M    1  code=payment-pin                     = exceeds_cap_code_b 50 50 0
t3   A > M   11  code=payment-static                  = exceeds_cap_code_d 10 0 10
t3   A > M   10  code=payment-static                  = created
t4   A > M   11  code=payment-signed                  = exceeds_cap_day 100 90 10
t4   A > M   10  code=payment-signed                  = created
A may code_b 0 of 50 until 2027-03-02T00:00:00
it is 2027-03-02T00:00:00 in Beijing
A may code_b 50 of 50 until 2027-03-03T00:00:00
t5   A > M   30                                       = created
t6   A > M    1                                       = exceeds_cap_code_c 30 30 0

== A cap begins on its day: until midnight the old one holds, and from then on the new one.
open A guarded with=1000 day_limit=100
open M
cap A day 50 from 2027-03-02
cap A day 70 from 2027-03-03
it is 2027-03-01T23:59:59.999999 in Beijing
t1   A > M  100                                       = created
it is 2027-03-02T00:00:00 in Beijing
t2   A > M   51                                       = exceeds_cap_day 50 0 50
A may day 50 of 50 until 2027-03-03T00:00:00
it is 2027-03-03T00:00:00 in Beijing
t2   A > M   70                                       = created
t3   A > M    1                                       = exceeds_cap_day 70 70 0

== Of two caps for one day the later one counts; a day that is past is refused; so is an account that is not there.
open A guarded with=1000
open M
cap A day 50
cap A day 60
t1   A > M   61                                       = exceeds_cap_day 60 0 60
cap A day 10 from 2027-02-28                          = refused
cap Z day 10                                          = unknown
cap A day none
t1   A > M  500                                       = created

== A cap that is lowered below what is used: nothing more passes, nothing is undone, and what is given back counts.
open A guarded with=1000 day_limit=100
open M
h1   A > M   50  hold                                 = created
t1   A > M   40                                       = created
cap A day 60
t2   A > M    1                                       = exceeds_cap_day 60 90 0
A may day 0 of 60 until 2027-03-02T00:00:00
M holds 40 and awaits 50
v1   - > -   all void=h1                              = created
t2   A > M   21                                       = exceeds_cap_day 60 40 20
t2   A > M   20                                       = created

== A class has caps, from a day on; an account has its own instead, or follows its class again.
in a ledger of its own
cap class-ii day 100
cap class-iii day 20
cap class-iii balance 200
open A guarded class=class-ii with=1000
open B guarded class=class-iii with=100
open C guarded with=1000
open M
t1   A > M  101                                       = exceeds_cap_day 100 0 100
t1   B > M   21                                       = exceeds_cap_day 20 0 20
t1   A > B  101  code=refund                          = exceeds_cap_balance 200 100 100
t1   C > M  500                                       = created
cap A day 150
t2   A > M  150                                       = created
cap class-ii day 90 from 2027-03-02
cap A day inherits from 2027-03-02
it is 2027-03-02T00:00:00 in Beijing
t3   A > M   91                                       = exceeds_cap_day 90 0 90
t3   A > M   90                                       = created

== The classes of codes have caps for the whole bank, which everybody of a class follows.
in a ledger of its own
cap every code_d 50
open A guarded class=class-ii with=1000
open C guarded with=1000
open M
t1   A > M   51  code=payment-static                  = exceeds_cap_code_d 50 0 50
t1   A > M   50  code=payment-static                  = created
t2   A > M   51                                       = created
t3   C > M   51  code=payment-static                  = created
cap every code_c 60
t4   A > M   10                                       = exceeds_cap_code_c 60 51 9
cap A code_c none
t4   A > M   10                                       = created

== A void gives back what its hold has used, on that day and in that year.
open A guarded with=1000 day_limit=100 year_limit=150
open M
h1   A > M   60  hold                                 = created
t1   A > M   41                                       = exceeds_cap_day 100 60 40
v1   - > -   all void=h1                              = created
A may day 100 of 100 until 2027-03-02T00:00:00
t1   A > M  100                                       = created
A may year 50 of 150 until 2028-01-01T00:00:00

== A hold across midnight: what it had used yesterday is not given back today, but this year's is.
open A guarded with=1000 day_limit=100 year_limit=150
open M
it is 2027-03-01T23:59:59.999999 in Beijing
h1   A > M   60  hold                                 = created
it is 2027-03-02T00:00:00 in Beijing
t1   A > M   50                                       = created
v1   - > -   all void=h1                              = created
A may day 50 of 100 until 2027-03-03T00:00:00
A may year 100 of 150 until 2028-01-01T00:00:00
t2   A > M   51                                       = exceeds_cap_day 100 50 50

== A hold across New Year gives nothing back.
open A guarded with=1000 year_limit=100
open M
it is 2027-12-31T23:59:59.999999 in Beijing
h1   A > M   60  hold                                 = created
it is 2028-01-01T00:00:00 in Beijing
t1   A > M   50                                       = created
v1   - > -   all void=h1                              = created
A may year 50 of 100 until 2029-01-01T00:00:00

== A hold that expires gives back what it used, though nobody asks; when it expires after midnight, only the year's.
open A guarded with=1000 day_limit=100 year_limit=150
open M
h1   A > M   60  hold timeout=60                      = created
wait 61 s
t1   A > M  100                                       = created
it is 2027-03-02T23:59:30 in Beijing
h2   A > M   40  hold timeout=60                      = created
it is 2027-03-03T00:00:31 in Beijing
t2   A > M   50                                       = created
t3   A > M    1                                       = exceeds_cap_year 150 150 0

== Posting a part of a hold gives back the rest.
open A guarded with=1000 day_limit=100
open M
h1   A > M   80  hold                                 = created
p1   - > -   30  post=h1                              = created
t1   A > M   71                                       = exceeds_cap_day 100 30 70
t1   A > M   70                                       = created

== A hold and its void in one batch, and a payment after them.
open A guarded with=1000 day_limit=100
open M
h1   A > M   80  hold linked                          = created
v1   - > -   all void=h1                              = created
t1   A > M  100                                       = created
h2   A > M    1  hold                                 = exceeds_cap_day 100 100 0

== The day's first hold gives back what it used, also when another one was voided beside it.
open A guarded with=1000 day_limit=100
open M
h1   A > M   10  hold                                 = created
h2   A > M   60  hold timeout=60                      = created
v1   - > -   all void=h1                              = created
A may day 40 of 100 until 2027-03-02T00:00:00
wait 61 s
t1   A > M  100                                       = created

== A refund restores no cap; a correction restores what the wrong payment had used, as long as it counts.
open A guarded with=1000 day_limit=100 year_limit=150
open M
cap A code_c 90
t1   A > M   60                                       = created
r1   M > A   20  code=refund about=t1                 = created
A may day 40 of 100 until 2027-03-02T00:00:00
c1   M > A   30  code=correction about=t1             = created
A may day 70 of 100 until 2027-03-02T00:00:00
A may code_c 60 of 90 until 2027-03-02T00:00:00
it is 2027-03-02T00:00:00 in Beijing
c2   M > A   10  code=correction about=t1             = created
A may day 100 of 100 until 2027-03-03T00:00:00
A may year 130 of 150 until 2028-01-01T00:00:00

== A chain that fails half-way uses no cap, and gives none back.
open A guarded with=1000 day_limit=100
open M
h1   A > M   50  hold                                 = created
t1   A > M   40  linked                               = linked_event_failed
v1   - > -   all void=h1 linked                       = linked_event_failed
t2   A > M  101                                       = exceeds_cap_day 100 40 60
A may day 50 of 100 until 2027-03-02T00:00:00
v1   - > -   all void=h1 linked                       = created
t2   A > M  100                                       = created
A may day 0 of 100 until 2027-03-02T00:00:00

== The cap of the balance holds for whatever comes in, from its day on; it is no reason to take anything away.
open A guarded with=150
open B with=1000
open M
cap A balance 100
t1   B > A    1  code=refund                          = exceeds_cap_balance 100 150 0
t2   A > M   60                                       = created
t1   B > A   11  code=refund                          = exceeds_cap_balance 100 90 10
t1   B > A   10  code=refund                          = created

== What comes in from accounts that are not bound has caps of its own, on the payee's side; a top-up has none.
open A guarded
open X guarded with=9000
open M
cap A inflow_day 100
cap A inflow_year 150
t1   X > A  101  code=deposit                         = exceeds_cap_inflow_day 100 0 100
t1   X > A   60  code=deposit                         = created
A may inflow_day 40 of 100 until 2027-03-02T00:00:00
A may inflow_year 90 of 150 until 2028-01-01T00:00:00
t2   X > A  500  code=top-up                          = created
t3   X > A   41  code=deposit                         = exceeds_cap_inflow_day 100 60 40
t4   A > M  400                                       = created
t3   X > A   40  code=deposit                         = created
it is 2027-03-02T00:00:00 in Beijing
t5   X > A   51  code=deposit                         = exceeds_cap_inflow_year 150 100 50
t5   X > A   50  code=deposit                         = created
it is 2028-01-01T00:00:00 in Beijing
t6   X > A  100  code=deposit                         = created
t7   X > A    1  code=deposit                         = exceeds_cap_inflow_day 100 100 0

== Inflow that is held counts at once; voided, it gives back what that day and year still count; in part, the rest.
open A guarded
open X guarded with=9000
cap A inflow_day 100
cap A inflow_year 150
h1   X > A   70  code=deposit hold                    = created
h2   X > A   31  code=deposit hold                    = exceeds_cap_inflow_day 100 70 30
p1   - > -   20  post=h1                              = created
A may inflow_day 80 of 100 until 2027-03-02T00:00:00
h2   X > A   80  code=deposit hold                    = created
v2   - > -  all  void=h2                              = created
h3   X > A   30  code=deposit hold timeout=60         = created
wait 61 s
h4   X > A   81  code=deposit hold                    = exceeds_cap_inflow_day 100 20 80
h4   X > A   80  code=deposit hold                    = created
it is 2027-03-02T00:00:00 in Beijing
t1   X > A   50  code=deposit                         = created
v4   - > -  all  void=h4                              = created
A may inflow_day 50 of 100 until 2027-03-03T00:00:00
A may inflow_year 80 of 150 until 2028-01-01T00:00:00

== A correction gives back the inflow that it corrects; a chain that fails half-way counts none.
open A guarded
open X guarded with=9000
cap A inflow_day 100
t1   X > A   60  code=deposit                         = created
c1   A > X   25  code=correction about=t1             = created
A may inflow_day 65 of 100 until 2027-03-02T00:00:00
t2   X > A   65  code=deposit linked                  = linked_event_failed
t3   X > A    1  code=deposit                         = exceeds_cap_inflow_day 100 100 0
t4   X > A   65  code=deposit                         = created

== A class has caps of inflow; an account has its own instead, such as none at all until somebody was seen in person.
in a ledger of its own
cap class-ii inflow_day 100
open A guarded class=class-ii
open X guarded with=9000
cap A inflow_day 0
t1   X > A    1  code=deposit                         = exceeds_cap_inflow_day 0 0 0
cap A inflow_day inherits
t1   X > A  101  code=deposit                         = exceeds_cap_inflow_day 100 0 100
t1   X > A  100  code=deposit                         = created

== What comes in counts together over the accounts of one class of one person, with what had come in before.
in a ledger of its own
cap class-ii inflow_day 100
cap class-iii inflow_day 30
open A guarded class=class-ii
open B guarded class=class-ii
open C guarded class=class-iii
open X guarded with=9000
t1   X > A   60  code=deposit                         = created
share A B C
t2   X > B   41  code=deposit                         = exceeds_cap_inflow_day 100 60 40
t2   X > B   30  code=deposit                         = created
t3   X > A   11  code=deposit                         = exceeds_cap_inflow_day 100 90 10
t4   X > C   31  code=deposit                         = exceeds_cap_inflow_day 30 0 30
t4   X > C   30  code=deposit                         = created
c1   A > X   60  code=correction about=t1             = created
B may inflow_day 70 of 100 until 2027-03-02T00:00:00
it is 2027-03-02T00:00:00 in Beijing
t5   X > A  100  code=deposit                         = created
t6   X > B    1  code=deposit                         = exceeds_cap_inflow_day 100 100 0

== Accounts of one class of one person count together, with what they had used before; those of another class do not.
in a ledger of its own
cap class-ii day 100
cap class-iii day 30
open A guarded class=class-ii with=1000
open B guarded class=class-ii with=1000
open C guarded class=class-iii with=1000
open M
t1   A > M   60                                       = created
t2   B > M   20                                       = created
share A B C
t3   B > M   21                                       = exceeds_cap_day 100 80 20
t3   B > M   15                                       = created
t4   A > M    6                                       = exceeds_cap_day 100 95 5
A may day 5 of 100 until 2027-03-02T00:00:00
t4   A > M    5                                       = created
t5   C > M   31                                       = exceeds_cap_day 30 0 30
t5   C > M   30                                       = created
share A B C
it is 2027-03-02T00:00:00 in Beijing
t6   B > M  100                                       = created
t7   A > M    1                                       = exceeds_cap_day 100 100 0

== A person's codes count together over all accounts; balances do not; what is freed is free for all of them.
in a ledger of its own
cap every code_c 50
cap class-iii balance 1500
open A guarded class=class-ii with=1000
open C guarded class=class-iii with=1000
open M
share A C
t1   A > M   30                                       = created
t2   C > M   21                                       = exceeds_cap_code_c 50 30 20
t2   C > M   20                                       = created
t3   A > M   30  code=payment-pin                     = created
c1   M > A   30  code=correction about=t1             = created
t4   C > M   31                                       = exceeds_cap_code_c 50 20 30
t4   C > M   30                                       = created
t5   A > C  551  code=refund                          = exceeds_cap_balance 1500 950 550

== The strictest of the accounts that share decides; the cap of one of them is set at that one.
in a ledger of its own
cap class-ii day 100
open A guarded class=class-ii with=1000
open B guarded class=class-ii with=1000
open M
share A B
cap B day 40
t1   A > M   41                                       = exceeds_cap_day 40 0 40
cap B day inherits from 2027-03-02
h1   B > M   40  hold                                 = created
t1   A > M    1                                       = exceeds_cap_day 40 40 0
v1   - > -   all void=h1                              = created
t1   A > M   40                                       = created
it is 2027-03-02T00:00:00 in Beijing
t2   B > M  100                                       = created
""")
