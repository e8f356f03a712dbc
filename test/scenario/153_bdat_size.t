# C07, C26: over the limit: swallowed, then 552.
set size 20
S: 220 mail.test ESMTP Daybook
hello
C: MAIL FROM:<a@b.test>
S: 250 2.1.0 Sender OK
C: RCPT TO:<u@example.test>
S: 250 2.1.5 Recipient OK
c: BDAT 21 LAST\r\nQUIT\r\n901234567QUIT\r\n
S: 552 5.3.4 Message exceeds maximum size
open
stored 0
aborted 1
