# A07: a response of 12,288 octets with its CRLF is read.
set tls-wrapped on
set offer-auth on
S: 220 mail.test ESMTP Daybook
hello
C: AUTH PLAIN
S: 334 
c*12284: A
C:
S: 501 5.5.2 Authentication response not understood
open
