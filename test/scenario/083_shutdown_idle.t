# L09: an idle session, even with half a transaction, is told at once.
S: 220 mail.test ESMTP Daybook
hello
C: MAIL FROM:<a@b.test>
S: 250 2.1.0 Sender OK
shutdown
S: 421 4.3.2 Service not available
close
C: RCPT TO:<u@example.test>
