# D06, D07, C10: lines of 1,001 and 100,000 octets are kept.
S: 220 mail.test ESMTP Daybook
hello
C: MAIL FROM:<a@b.test>
S: 250 2.1.0 Sender OK
C: RCPT TO:<u@example.test>
S: 250 2.1.5 Recipient OK
C: DATA
S: 354 Send the message, end with a dot on a line by itself
c*1001: x
C:
c*100000: y
C:
C: .
S: 250 2.0.0 Message kept
open
length 1 101005
flags 1
