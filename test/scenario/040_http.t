# B43: a browser.
S: 220 mail.test ESMTP Daybook
C: GET / HTTP/1.1
S: 554 5.7.0 This is a mail server
close
C: Host: mail.test
C:
C: NOOP
