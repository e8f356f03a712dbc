# The owner is too slow: 454, and a late answer is ignored.
set tls-wrapped on
set offer-auth on
set hold on
S: 220 mail.test ESMTP Daybook
hello
C: AUTH PLAIN AGlucC0xAHNlY3JldA==
timeout
S: 454 4.7.0 Authentication not available now
answer auth-good
open
C: RSET
S: 250 2.0.0 OK
