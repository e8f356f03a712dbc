# An answer that takes time; commands behind AUTH wait for it.
set tls-wrapped on
set offer-auth on
set hold on
S: 220 mail.test ESMTP Daybook
hello
C: AUTH PLAIN AGlucC0xAHNlY3JldA==
C: MAIL FROM:<a@b.test>
answer auth-good
S: 235 2.7.0 Authentication successful
S: 250 2.1.0 Sender OK
open
