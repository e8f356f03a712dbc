# A06, C32: AUTH LOGIN, with and without an initial response; not inside a transaction.
set tls-wrapped on
set offer-auth on
S: 220 mail.test ESMTP Daybook
hello
C: MAIL FROM:<a@b.test>
S: 250 2.1.0 Sender OK
C: AUTH LOGIN
S: 503 5.5.1 No authentication inside a transaction
C: RSET
S: 250 2.0.0 OK
C: AUTH LOGIN
S: 334 VXNlcm5hbWU6
C: aW5wLTE=
S: 334 UGFzc3dvcmQ6
C: *
S: 501 5.7.0 Authentication cancelled
C: AUTH LOGIN
S: 334 VXNlcm5hbWU6
C: 
S: 501 5.5.2 Authentication response not understood
C: auth login aW5wLTE=
S: 334 UGFzc3dvcmQ6
C: c2VjcmV0
S: 235 2.7.0 Authentication successful
open
