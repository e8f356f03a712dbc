# B24: CR alone does not end a line.
S: 220 mail.test ESMTP Daybook
hello
c: NOOP\rNOOP\r\n
S: 500 5.5.2 Line not understood
c: NOOP\r\r\n
S: 500 5.5.2 Line not understood
open
