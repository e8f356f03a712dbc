# L08: temporary trouble: 451 and the session goes on.
set hold on
S: 220 mail.test ESMTP Daybook
hello
C: MAIL FROM:<a@b.test>
S: 250 2.1.0 Sender OK
C: RCPT TO:<u@example.test>
S: 250 2.1.5 Recipient OK
C: DATA
S: 354 Send the message, end with a dot on a line by itself
C: x
C: .
answer trouble
S: 451 4.3.0 Temporary trouble here, try again
open
