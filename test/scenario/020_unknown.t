# B01, B36, B37, B38, P01, P06: commands not known, not implemented.
S: 220 mail.test ESMTP Daybook
hello
C: FROB x
S: 500 5.5.1 Command not known
C: PROXY TCP4 192.0.2.1 192.0.2.2 1 2
S: 500 5.5.1 Command not known
C: XCLIENT ADDR=192.0.2.1
S: 500 5.5.1 Command not known
C: VRFY u
S: 252 2.5.0 Not verified; send the message and see
C: EXPN l
S: 502 5.5.1 Command not implemented
C: ETRN x
S: 502 5.5.1 Command not implemented
C: TURN
S: 502 5.5.1 Command not implemented
C: SEND FROM:<a@b.test>
S: 502 5.5.1 Command not implemented
C: SOML FROM:<a@b.test>
S: 502 5.5.1 Command not implemented
C: SAML FROM:<a@b.test>
S: 502 5.5.1 Command not implemented
C: VRFY
S: 501 5.5.4 Argument not understood
open
