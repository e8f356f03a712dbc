# B19: 513 octets are fine; B20: 2,049 are not, once, and nothing in the line is run.
S: 220 mail.test ESMTP Daybook
hello
c: NOOP 
c*506: x
C:
S: 250 2.0.0 OK
c: NOOP 
c*2041: x
C:
S: 250 2.0.0 OK
c: NOOP
c*408:  QUIT
C:
S: 250 2.0.0 OK
c: NOOP 
c*2042: x
C:
S: 500 5.5.2 Line too long
c: NOOP
c*410:  QUIT
C:
S: 500 5.5.2 Line too long
open
