# B21, B22: NUL in a command, in an address; an empty line.
S: 220 mail.test ESMTP Daybook
hello
C: NO\0OP
S: 500 5.5.2 Line not understood
C: NOOP \0
S: 500 5.5.2 Line not understood
C: MAIL FROM:<a\0@b.test>
S: 501 5.1.7 Sender address not understood
C: MAIL FROM:<a@[1.2.3.4\0]>
S: 501 5.1.7 Sender address not understood
C:
S: 500 5.5.2 Line not understood
C: \xff\xf4\xff\xfd\x06
S: 500 5.5.2 Line not understood
open
