# B39, C32: no password in the clear, offered or not.
set offer-tls on
set offer-auth on
S: 220 mail.test ESMTP Daybook
hello
C: AUTH PLAIN AGlucC0xAHNlY3JldA==
S: 538 5.7.11 Encryption required for authentication
C: AUTH LOGIN
S: 538 5.7.11 Encryption required for authentication
open
