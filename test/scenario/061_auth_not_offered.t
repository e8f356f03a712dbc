# C3: AUTH inside TLS where it is not offered.
set tls-wrapped on
S: 220 mail.test ESMTP Daybook
hello
C: AUTH PLAIN AGlucC0xAHNlY3JldA==
S: 502 5.5.1 Command not implemented
open
