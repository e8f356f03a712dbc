# L06: no space when DATA begins: no 354.
set refuse-begin on
S: 220 mail.test ESMTP Daybook
hello
C: MAIL FROM:<a@b.test>
S: 250 2.1.0 Sender OK
C: RCPT TO:<u@example.test>
S: 250 2.1.5 Recipient OK
C: DATA
S: 452 4.3.1 No space for the message now
open
stored 0
aborted 0
