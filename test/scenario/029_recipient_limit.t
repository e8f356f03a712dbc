# B35, C9: one recipient too many is 452 and the others stay.
set recipients 3
S: 220 mail.test ESMTP Daybook
hello
C: MAIL FROM:<a@b.test>
S: 250 2.1.0 Sender OK
C: RCPT TO:<u1@example.test>
C: RCPT TO:<u2@example.test>
C: RCPT TO:<u3@example.test>
C: RCPT TO:<u4@example.test>
C: RCPT TO:<u5@example.test>
S*3: 250 2.1.5 Recipient OK
S*2: 452 4.5.3 Too many recipients
C: DATA
S: 354 Send the message, end with a dot on a line by itself
C: .
S: 250 2.0.0 Message kept
to 1 u1@example.test u2@example.test u3@example.test
open
