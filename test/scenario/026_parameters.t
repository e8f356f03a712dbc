# B12 to B16, B48, C26, C29: MAIL and RCPT parameters.
S: 220 mail.test ESMTP Daybook
hello
C: MAIL FROM:<a@b.test> FOO=BAR
S: 555 5.5.4 Parameter not known
C: RCPT TO:<u@example.test>
S: 503 5.5.1 Send MAIL first
C: MAIL FROM:<a@b.test> SIZE=abc
S: 501 5.5.4 Parameter not understood
C: MAIL FROM:<a@b.test> SIZE=
S: 501 5.5.4 Parameter not understood
C: MAIL FROM:<a@b.test> SIZE=-1
S: 501 5.5.4 Parameter not understood
C: MAIL FROM:<a@b.test> SIZE=1 SIZE=2
S: 501 5.5.4 Parameter not understood
C: MAIL FROM:<a@b.test> SIZE=99999999999
S: 552 5.3.4 Message exceeds maximum size
C: MAIL FROM:<a@b.test> SIZE=18446744073709551616
S: 552 5.3.4 Message exceeds maximum size
C: MAIL FROM:<a@b.test> SIZE=41943041
S: 552 5.3.4 Message exceeds maximum size
C: MAIL FROM:<a@b.test> BODY=9BIT
S: 501 5.5.4 Parameter not understood
C: MAIL FROM:<a@b.test> RET=XX
S: 501 5.5.4 Parameter not understood
C: MAIL FROM:<a@b.test> ENVID=+zz
S: 501 5.5.4 Parameter not understood
C: MAIL FROM:<a@b.test>SIZE=1
S: 501 5.5.4 Parameter not understood
C: MAIL FROM:<a@b.test> SIZE=41943040 BODY=8bitmime SMTPUTF8 RET=hdrs ENVID=QQ+3D1
S: 250 2.1.0 Sender OK
C: RCPT TO:<u@example.test> NOTIFY=NEVER,SUCCESS
S: 501 5.5.4 Parameter not understood
C: RCPT TO:<u@example.test> ORCPT=x
S: 501 5.5.4 Parameter not understood
C: RCPT TO:<u@example.test> SIZE=1
S: 555 5.5.4 Parameter not known
C: RCPT TO:<u@example.test> NOTIFY=SUCCESS,FAILURE,delay ORCPT=rfc822;u+2Bx@example.test
S: 250 2.1.5 Recipient OK
C: RCPT TO:<v@example.test> NOTIFY=never
S: 250 2.1.5 Recipient OK
open
