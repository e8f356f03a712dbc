# C07: far over the limit: not worth swallowing.
set size 20
S: 220 mail.test ESMTP Daybook
hello
C: MAIL FROM:<a@b.test>
S: 250 2.1.0 Sender OK
C: RCPT TO:<u@example.test>
S: 250 2.1.5 Recipient OK
C: BDAT 81
S: 552 5.3.4 Chunk far exceeds maximum size
close
stored 0
