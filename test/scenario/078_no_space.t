# L06, C26: no space at MAIL.
set refuse-mail on
S: 220 mail.test ESMTP Daybook
hello
C: MAIL FROM:<a@b.test>
S: 452 4.3.1 No space for the message now
C: RCPT TO:<u@example.test>
S: 503 5.5.1 Send MAIL first
open
