# L01, C39: the twentieth bad command ends the session.
S: 220 mail.test ESMTP Daybook
hello
C*19: FROB
S*19: 500 5.5.1 Command not known
C: FROB
S: 421 4.7.0 Too many errors
close
C: NOOP
