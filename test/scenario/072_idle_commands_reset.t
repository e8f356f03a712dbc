# L02: a message pays for the next hundred.
S: 220 mail.test ESMTP Daybook
hello
C*90: NOOP
S*90: 250 2.0.0 OK
C: MAIL FROM:<a@b.test>
S: 250 2.1.0 Sender OK
C: RCPT TO:<u@example.test>
S: 250 2.1.5 Recipient OK
C: DATA
S: 354 Send the message, end with a dot on a line by itself
C: .
S: 250 2.0.0 Message kept
C*99: NOOP
S*99: 250 2.0.0 OK
open
