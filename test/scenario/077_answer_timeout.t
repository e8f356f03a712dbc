# C22: the owner is too slow with a message: 451, the session goes on, a late answer is ignored.
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
timeout
S: 451 4.3.0 Temporary trouble here, try again
answer good
C: NOOP
S: 250 2.0.0 OK
C: DATA
S: 503 5.5.1 Send MAIL first
open
