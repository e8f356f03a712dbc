# A01, A02, A05, A06, A08, A09, C32: AUTH PLAIN.
set tls-wrapped on
set offer-auth on
set require-auth on
S: 220 mail.test ESMTP Daybook
C: AUTH PLAIN AGlucC0xAHNlY3JldA==
S: 503 5.5.1 Send EHLO first
hello
C: MAIL FROM:<a@b.test>
S: 530 5.7.0 Authentication required
C: AUTH
S: 501 5.5.4 Argument not understood
C: AUTH PLAIN !!!
S: 501 5.5.2 Authentication response not understood
C: AUTH PLAIN
S: 334 
C: *
S: 501 5.7.0 Authentication cancelled
C: AUTH CRAM-MD5
S: 504 5.5.4 Authentication mechanism not known
C: AUTH XYZ
S: 504 5.5.4 Authentication mechanism not known
C: AUTH PLAIN =
S: 501 5.5.2 Authentication response not understood
C: AUTH PLAIN AAAA
S: 501 5.5.2 Authentication response not understood
C: AUTH PLAIN AGlucC0xc2VjcmV0
S: 501 5.5.2 Authentication response not understood
C: AUTH PLAIN AGlucC0xAA==
S: 501 5.5.2 Authentication response not understood
C: AUTH PLAIN AGRvd24AeA==
S: 454 4.7.0 Authentication not available now
C: AUTH PLAIN
S: 334 
C: AGlucC0xAHNlY3JldA==
S: 235 2.7.0 Authentication successful
C: AUTH PLAIN AGlucC0xAHNlY3JldA==
S: 503 5.5.1 Already authenticated
C: MAIL FROM:<a@b.test>
S: 250 2.1.0 Sender OK
open
