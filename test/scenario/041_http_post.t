# B43: a form posted at us; the body is not read.
S: 220 mail.test ESMTP Daybook
C: POST / HTTP/1.1
S: 554 5.7.0 This is a mail server
C: Content-Length: 10
C:
C: EHLO client.test
close
stored 0
