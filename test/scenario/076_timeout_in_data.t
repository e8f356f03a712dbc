# L04, D16: too slow inside DATA: nothing is kept.
S: 220 mail.test ESMTP Daybook
hello
C: MAIL FROM:<a@b.test>
S: 250 2.1.0 Sender OK
C: RCPT TO:<u@example.test>
S: 250 2.1.5 Recipient OK
C: DATA
S: 354 Send the message, end with a dot on a line by itself
C: half
timeout
S: 421 4.4.2 Waited too long
close
stored 0
aborted 1
