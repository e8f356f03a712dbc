# D14, C21: 101 Received fields, mx.
set mode mx
S: 220 mail.test ESMTP Daybook
hello
C: MAIL FROM:<a@b.test>
S: 250 2.1.0 Sender OK
C: RCPT TO:<u@example.test>
S: 250 2.1.5 Recipient OK
C: DATA
S: 354 Send the message, end with a dot on a line by itself
C*101: Received: by x; Tue, 24 Nov 2026 09:00:00 +0000
C: Subject: loop
C:
C*50: Received: in the body
C: .
S: 554 5.4.6 Too many Received fields
open
stored 0
aborted 1
