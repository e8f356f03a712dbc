# L09: a session in DATA finishes its message first.
S: 220 mail.test ESMTP Daybook
hello
C: MAIL FROM:<a@b.test>
S: 250 2.1.0 Sender OK
C: RCPT TO:<u@example.test>
S: 250 2.1.5 Recipient OK
C: DATA
S: 354 Send the message, end with a dot on a line by itself
C: one
shutdown
C: two
C: .
C: MAIL FROM:<a@b.test>
S: 250 2.0.0 Message kept
S: 421 4.3.2 Service not available
close
stored 1
message 1 one\r\ntwo\r\n
