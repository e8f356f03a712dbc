# A03, A04: a wrong password and an unknown user get the same text; the third failure ends the session.
set tls-wrapped on
set offer-auth on
S: 220 mail.test ESMTP Daybook
hello
C: AUTH PLAIN AGlucC0xAHdyb25n
S: 535 5.7.8 Authentication failed
C: AUTH PLAIN AG5vYm9keQBzZWNyZXQ=
S: 535 5.7.8 Authentication failed
C: AUTH PLAIN b3RoZXIAaW5wLTEAc2VjcmV0
S: 535 5.7.8 Authentication failed
S: 421 4.7.0 Too many failed authentications
close
C: NOOP
