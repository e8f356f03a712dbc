# B40: STARTTLS takes no argument.
set offer-tls on
S: 220 mail.test ESMTP Daybook
hello
C: STARTTLS now
S: 501 5.5.4 No argument allowed
open
