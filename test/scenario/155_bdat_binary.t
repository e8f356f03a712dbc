# C08, C27: anything goes inside a chunk, even on mx.
S: 220 mail.test ESMTP Daybook
hello
C: MAIL FROM:<a@b.test>
S: 250 2.1.0 Sender OK
C: RCPT TO:<u@example.test>
S: 250 2.1.5 Recipient OK
c: BDAT 13\r\na\r\n.\r\nb\nc\rd\0e
S: 250 2.0.0 Chunk OK
c: BDAT 1\r\n\r
S: 250 2.0.0 Chunk OK
c: BDAT 2 LAST\r\n\n.
S: 250 2.0.0 Message kept
open
message 1 a\r\n.\r\nb\nc\rd\0e\r\n.
flags 1 nul bare_lf bare_cr
