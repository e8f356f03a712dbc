# C05, C06, C09: chunks out of order are swallowed, then refused.
S: 220 mail.test ESMTP Daybook
hello
c: BDAT 6\r\nRSET\r\n
S: 503 5.5.1 Send MAIL first
C: MAIL FROM:<a@b.test>
S: 250 2.1.0 Sender OK
c: BDAT 6 LAST\r\nQUIT\r\n
S: 503 5.5.1 Send RCPT first
C: RCPT TO:<refused@example.test>
S: 550 5.7.1 Recipient not permitted
c: BDAT 6 LAST\r\nQUIT\r\n
S: 554 5.5.1 No valid recipients
C: RCPT TO:<u@example.test>
S: 250 2.1.5 Recipient OK
c: BDAT 3\r\nabc
S: 250 2.0.0 Chunk OK
C: DATA
S: 503 5.5.1 Message already begun with BDAT
C: MAIL FROM:<a@b.test>
S: 503 5.5.1 Transaction already open
C: RCPT TO:<v@example.test>
S: 503 5.5.1 Message already begun with BDAT
c: BDAT 3 LAST\r\ndef
S: 250 2.0.0 Message kept
c: BDAT 6 LAST\r\nQUIT\r\n
S: 503 5.5.1 Send MAIL first
open
stored 1
message 1 abcdef
