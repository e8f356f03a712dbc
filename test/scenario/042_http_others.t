# B43: CONNECT.
S: 220 mail.test ESMTP Daybook
C: CONNECT mail.test:25 HTTP/1.1
S: 554 5.7.0 This is a mail server
close
