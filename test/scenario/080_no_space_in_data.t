# L06: no space in the middle: answered once, at the true end; nothing in the message is run.
set refuse-after 10
S: 220 mail.test ESMTP Daybook
hello
C: MAIL FROM:<a@b.test>
S: 250 2.1.0 Sender OK
C: RCPT TO:<u@example.test>
S: 250 2.1.5 Recipient OK
C: DATA
S: 354 Send the message, end with a dot on a line by itself
C: more than ten octets
C: QUIT
C: .
S: 452 4.3.1 No space for the message now
open
stored 0
aborted 0
