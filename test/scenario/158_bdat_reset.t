# C27: RSET and EHLO give up a message begun with BDAT.
S: 220 mail.test ESMTP Daybook
hello
C: MAIL FROM:<a@b.test>
S: 250 2.1.0 Sender OK
C: RCPT TO:<u@example.test>
S: 250 2.1.5 Recipient OK
c: BDAT 3\r\nabc
S: 250 2.0.0 Chunk OK
C: RSET
S: 250 2.0.0 OK
c: BDAT 3 LAST\r\nabc
S: 503 5.5.1 Send MAIL first
open
stored 0
aborted 1
