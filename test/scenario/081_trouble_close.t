# L07: storage fails: 451 and close, after the message.
set hold on
S: 220 mail.test ESMTP Daybook
hello
C: MAIL FROM:<a@b.test>
S: 250 2.1.0 Sender OK
C: RCPT TO:<u@example.test>
S: 250 2.1.5 Recipient OK
C: DATA
S: 354 Send the message, end with a dot on a line by itself
C: x
C: .
answer close
S: 451 4.3.0 Temporary trouble here, try again later
close
C: NOOP
