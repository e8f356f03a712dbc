# L09: and one between chunks.
S: 220 mail.test ESMTP Daybook
hello
C: MAIL FROM:<a@b.test>
S: 250 2.1.0 Sender OK
C: RCPT TO:<u@example.test>
S: 250 2.1.5 Recipient OK
c: BDAT 3\r\none
S: 250 2.0.0 Chunk OK
shutdown
c: BDAT 3 LAST\r\ntwo
S: 250 2.0.0 Message kept
S: 421 4.3.2 Service not available
close
message 1 onetwo
