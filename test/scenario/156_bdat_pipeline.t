# C10, C24: an error in chunk 2 of 5, all in one go: one reply each.
set size 10
S: 220 mail.test ESMTP Daybook
hello
C: MAIL FROM:<a@b.test>
S: 250 2.1.0 Sender OK
C: RCPT TO:<u@example.test>
S: 250 2.1.5 Recipient OK
c: BDAT 5\r\nhelloBDAT 6\r\nworld!BDAT 6\r\nRSET\r\nBDAT 6\r\nNOOP\r\nBDAT 3 LAST\r\nend
S: 250 2.0.0 Chunk OK
S: 552 5.3.4 Message exceeds maximum size
S*3: 503 5.5.1 Send MAIL first
open
stored 0
aborted 1
