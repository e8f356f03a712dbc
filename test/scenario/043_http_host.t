# B43: a header field first.
S: 220 mail.test ESMTP Daybook
C: Host: mail.test
S: 554 5.7.0 This is a mail server
close
