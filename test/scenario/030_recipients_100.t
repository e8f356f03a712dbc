# B35 at the default: 100 recipients, then 452.
S: 220 mail.test ESMTP Daybook
hello
C: MAIL FROM:<a@b.test>
S: 250 2.1.0 Sender OK
C*101: RCPT TO:<u@example.test>
S*100: 250 2.1.5 Recipient OK
S: 452 4.5.3 Too many recipients
open
