# A07: a response of more than 12,288 octets.
set tls-wrapped on
set offer-auth on
S: 220 mail.test ESMTP Daybook
hello
C: AUTH PLAIN
S: 334 
c*12289: A
C:
S: 500 5.5.6 Authentication line too long
close
