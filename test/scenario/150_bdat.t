# C27, C01: chunks, an empty last one.
S: 220 mail.test ESMTP Daybook
hello
C: MAIL FROM:<a@b.test>
S: 250 2.1.0 Sender OK
C: RCPT TO:<u@example.test>
S: 250 2.1.5 Recipient OK
c: BDAT 5\r\nhello
S: 250 2.0.0 Chunk OK
c: BDAT 0\r\n
S: 250 2.0.0 Chunk OK
c: bdat 2\r\n\r\n
S: 250 2.0.0 Chunk OK
c: BDAT 0 LAST\r\n
S: 250 2.0.0 Message kept
open
message 1 hello\r\n
flags 1
C: MAIL FROM:<a@b.test>
S: 250 2.1.0 Sender OK
C: RCPT TO:<u@example.test>
S: 250 2.1.5 Recipient OK
c: BDAT 0 LAST\r\n
S: 250 2.0.0 Message kept
stored 2
length 2 0
open
