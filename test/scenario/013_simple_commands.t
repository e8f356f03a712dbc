# C5, C6: NOOP, RSET, HELP, VRFY, EXPN at any time after the greeting, in any case.
S: 220 mail.test ESMTP Daybook
C: NOOP
S: 250 2.0.0 OK
C: noop with words
S: 250 2.0.0 OK
C: RSET
S: 250 2.0.0 OK
C: Help
S: 214 2.0.0 EHLO HELO STARTTLS AUTH MAIL RCPT DATA BDAT RSET NOOP VRFY HELP QUIT
C: HELP mail
S: 214 2.0.0 EHLO HELO STARTTLS AUTH MAIL RCPT DATA BDAT RSET NOOP VRFY HELP QUIT
C: VRFY u
S: 252 2.5.0 Not verified; send the message and see
C: NOOP \t 
S: 250 2.0.0 OK
open
C: quit
S: 221 2.0.0 Bye
close
