# B17, B18: local part of 200 octets; label of 64 and domain of 256.
S: 220 mail.test ESMTP Daybook
hello
c: MAIL FROM:<
c*200: a
C: @b.test>
S: 250 2.1.0 Sender OK
C: RSET
S: 250 2.0.0 OK
c: MAIL FROM:<a@
c*64: b
C: .test>
S: 501 5.1.7 Sender address not understood
c: MAIL FROM:<a@
c*63: b
C: .test>
S: 250 2.1.0 Sender OK
C: RSET
S: 250 2.0.0 OK
c: MAIL FROM:<a@
c*126: b.
C: test>
S: 501 5.1.7 Sender address not understood
c: MAIL FROM:<a@
c*125: b.
C: test>
S: 250 2.1.0 Sender OK
open
