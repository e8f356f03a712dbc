# D02, C16: BARE CR inside a line; mx.
set mode mx
S: 220 mail.test ESMTP Daybook
hello
C: MAIL FROM:<a@b.test>
S: 250 2.1.0 Sender OK
C: RCPT TO:<u@example.test>
S: 250 2.1.5 Recipient OK
C: DATA
S: 354 Send the message, end with a dot on a line by itself
C: a\rb
C: .
S: 550 5.5.2 Message holds CR or LF alone
close
stored 0
aborted 1
