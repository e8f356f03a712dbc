# B07 to B11, B17, B27 to B30, C11, C13, C14: reverse-paths.
S: 220 mail.test ESMTP Daybook
hello
C: MAIL FROM: <a@b.test>
S: 250 2.1.0 Sender OK
C: RSET
S: 250 2.0.0 OK
C: MAIL FROM:a@b.test
S: 501 5.5.4 Argument not understood
C: mail from:<>
S: 250 2.1.0 Sender OK
C: RSET
S: 250 2.0.0 OK
C: MAIL FROM:<a@b.test
S: 501 5.1.7 Sender address not understood
C: MAIL FROM:<a@b@c.test>
S: 501 5.1.7 Sender address not understood
C: MAIL FROM:<@x.test,@y.test:a@b.test>
S: 250 2.1.0 Sender OK
C: RSET
S: 250 2.0.0 OK
C: MAIL FROM:<"a b\\"c"@b.test>
S: 250 2.1.0 Sender OK
C: RCPT TO:<u@example.test>
S: 250 2.1.5 Recipient OK
C: DATA
S: 354 Send the message, end with a dot on a line by itself
C: .
S: 250 2.0.0 Message kept
from 1 "a b\\"c"@b.test
C: MAIL FROM:<a@[IPv6:2001:db8::1]>
S: 250 2.1.0 Sender OK
C: RSET
S: 250 2.0.0 OK
C: MAIL FROM:<a@[192.0.2.1]>
S: 250 2.1.0 Sender OK
C: RSET
S: 250 2.0.0 OK
C: MAIL FROM:<a@[IPv6:zz]>
S: 501 5.1.7 Sender address not understood
C: MAIL FROM:<;sleep 66;@b.test>
S: 501 5.1.7 Sender address not understood
C: MAIL FROM:<a>
S: 501 5.1.7 Sender address not understood
C: MAIL FROM:<aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa@b.test>
S: 250 2.1.0 Sender OK
C: RSET
S: 250 2.0.0 OK
open
