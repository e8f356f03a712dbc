# B42: the same, journal: obeyed in order.
set mode journal
set early on
S: 220 mail.test ESMTP Daybook
C: HELO client.test
S: 250 mail.test
open
