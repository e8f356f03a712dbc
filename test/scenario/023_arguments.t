# B45: commands that take no argument.
S: 220 mail.test ESMTP Daybook
hello
C: DATA x
S: 501 5.5.4 No argument allowed
C: RSET x
S: 501 5.5.4 No argument allowed
C: QUIT x
S: 501 5.5.4 No argument allowed
C: MAIL
S: 501 5.5.4 Argument not understood
C: MAIL a@b.test
S: 501 5.5.4 Argument not understood
C: MAIL FROM <a@b.test>
S: 501 5.5.4 Argument not understood
open
