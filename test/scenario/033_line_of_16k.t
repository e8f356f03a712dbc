# B20: 16,385 octets.
S: 220 mail.test ESMTP Daybook
hello
c: NOOP
c*3276:  QUIT
C:
S: 500 5.5.2 Line too long
open
