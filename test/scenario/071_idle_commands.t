# L02, C40: 100 commands without a message.
S: 220 mail.test ESMTP Daybook
C*50: NOOP
S*50: 250 2.0.0 OK
C*25: RSET
S*25: 250 2.0.0 OK
C*25: VRFY u
S*25: 252 2.5.0 Not verified; send the message and see
C: NOOP
S: 421 4.7.0 Too many commands without a message
close
