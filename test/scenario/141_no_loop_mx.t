# D14: 100 are no loop; those in the body do not count.
set mode mx
S: 220 mail.test ESMTP Daybook
hello
C: MAIL FROM:<a@b.test>
S: 250 2.1.0 Sender OK
C: RCPT TO:<u@example.test>
S: 250 2.1.5 Recipient OK
C: DATA
S: 354 Send the message, end with a dot on a line by itself
C*100: Received: by x; Tue, 24 Nov 2026 09:00:00 +0000
C: Subject: loop
C:
C*50: Received: in the body
C: .
S: 250 2.0.0 Message kept
open
stored 1
