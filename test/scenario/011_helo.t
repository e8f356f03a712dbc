# C2: HELO answers one line and offers nothing; RFC 5321 §4.1.1.1.
S: 220 mail.test ESMTP Daybook
C: HELO client.test
S: 250 mail.test
C: helo [127.0.0.1]
S: 250 mail.test
open
