# D05, C25: 8-bit bytes are kept, announced or not.
S: 220 mail.test ESMTP Daybook
hello
C: MAIL FROM:<a@b.test>
S: 250 2.1.0 Sender OK
C: RCPT TO:<u@example.test>
S: 250 2.1.5 Recipient OK
C: DATA
S: 354 Send the message, end with a dot on a line by itself
C: Subject: \xc3\xbc\xff
C:
C: \x80\x81\xfe
C: .
S: 250 2.0.0 Message kept
open
message 1 Subject: \xc3\xbc\xff\r\n\r\n\x80\x81\xfe\r\n
flags 1
