# L06: no space in a chunk: 452 after its octets, and the transaction is over.
set refuse-after 4
S: 220 mail.test ESMTP Daybook
hello
C: MAIL FROM:<a@b.test>
S: 250 2.1.0 Sender OK
C: RCPT TO:<u@example.test>
S: 250 2.1.5 Recipient OK
c: BDAT 4\r\nabcd
S: 250 2.0.0 Chunk OK
c: BDAT 6\r\nQUIT\r\n
S: 452 4.3.1 No space for the message now
c: BDAT 6 LAST\r\nQUIT\r\n
S: 503 5.5.1 Send MAIL first
open
stored 0
