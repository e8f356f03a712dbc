# B41: the same, in a second segment before the handshake.
set offer-tls on
set split off
S: 220 mail.test ESMTP Daybook
hello
C: STARTTLS
C: RSET
S: 220 2.0.0 Ready to start TLS
S: 554 5.5.0 Spoke out of turn
close
