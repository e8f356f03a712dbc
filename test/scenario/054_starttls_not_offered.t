# C3: STARTTLS is not listed and not implemented.
S: 220 mail.test ESMTP Daybook
C: HELO client.test
S: 250 mail.test
C: STARTTLS
S: 502 5.5.1 Command not implemented
open
