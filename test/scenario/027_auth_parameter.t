# C3, RFC 4954 §5: AUTH= is known exactly where AUTH is offered.
set offer-auth on
S: 220 mail.test ESMTP Daybook
hello
C: MAIL FROM:<a@b.test> AUTH=<>
S: 250 2.1.0 Sender OK
open
