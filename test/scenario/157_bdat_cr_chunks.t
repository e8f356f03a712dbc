# C27: a CRLF cut between chunks is a CRLF.
S: 220 mail.test ESMTP Daybook
hello
C: MAIL FROM:<a@b.test>
S: 250 2.1.0 Sender OK
C: RCPT TO:<u@example.test>
S: 250 2.1.5 Recipient OK
c: BDAT 2\r\na\r
S: 250 2.0.0 Chunk OK
c: BDAT 1 LAST\r\n\n
S: 250 2.0.0 Message kept
message 1 a\r\n
flags 1
C: MAIL FROM:<a@b.test>
S: 250 2.1.0 Sender OK
C: RCPT TO:<u@example.test>
S: 250 2.1.5 Recipient OK
c: BDAT 2 LAST\r\na\r
S: 250 2.0.0 Message kept
flags 2 bare_cr
open
