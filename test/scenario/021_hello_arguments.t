# B02, B03: EHLO and HELO want a domain or an address literal; nothing goes without them.
S: 220 mail.test ESMTP Daybook
C: EHLO
S: 501 5.5.4 Domain name or address literal required
C: HELO
S: 501 5.5.4 Domain name or address literal required
C: MAIL FROM:<a@b.test>
S: 503 5.5.1 Send EHLO first
C: EHLO two words
S: 501 5.5.4 Domain name or address literal required
C: EHLO [IPv6:zz]
S: 501 5.5.4 Domain name or address literal required
C: EHLO -x.test
S: 501 5.5.4 Domain name or address literal required
C: RCPT TO:<u@example.test>
S: 503 5.5.1 Send EHLO first
C: DATA
S: 503 5.5.1 Send EHLO first
C: HELO [IPv6:2001:db8::1]
S: 250 mail.test
C: HELO my_host
S: 250 mail.test
open
