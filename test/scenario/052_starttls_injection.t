# B41, C31: plain text behind STARTTLS: refused, no handshake, nothing of it is ever run.
set offer-tls on
set split off
S: 220 mail.test ESMTP Daybook
hello
c: STARTTLS\r\nRSET\r\nNOOP x\r\n
S: 554 5.5.0 Spoke out of turn
close
