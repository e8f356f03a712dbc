# B25, B26, C28: addresses beyond ASCII.
S: 220 mail.test ESMTP Daybook
hello
C: MAIL FROM:<\xc3\xbc@b.test>
S: 553 5.6.7 Address needs SMTPUTF8
C: MAIL FROM:<\xff\xfe@b.test> SMTPUTF8
S: 501 5.5.2 Address is not UTF-8
C: MAIL FROM:<\xc3\xbc@b\xc3\xbc.test> SMTPUTF8=1
S: 501 5.5.4 Parameter not understood
C: MAIL FROM:<a@b.test>
S: 250 2.1.0 Sender OK
C: RCPT TO:<\xc3\xbc@example.test>
S: 553 5.6.7 Address needs SMTPUTF8
C: RSET
S: 250 2.0.0 OK
C: MAIL FROM:<\xc3\xbc@b\xc3\xbc.test> SMTPUTF8
S: 250 2.1.0 Sender OK
C: RCPT TO:<\xc3x@example.test>
S: 501 5.5.2 Address is not UTF-8
C: RCPT TO:<\xc3\xbc@example.test> ORCPT=utf-8;\xc3\xbc@example.test
S: 250 2.1.5 Recipient OK
C: DATA
S: 354 Send the message, end with a dot on a line by itself
C: .
S: 250 2.0.0 Message kept
from 1 \xc3\xbc@b\xc3\xbc.test
to 1 \xc3\xbc@example.test
