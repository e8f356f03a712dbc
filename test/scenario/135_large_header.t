# D08, D09: a header of 70,000 octets, 10,000 fields.
S: 220 mail.test ESMTP Daybook
hello
C: MAIL FROM:<a@b.test>
S: 250 2.1.0 Sender OK
C: RCPT TO:<u@example.test>
S: 250 2.1.5 Recipient OK
C: DATA
S: 354 Send the message, end with a dot on a line by itself
c: X-Long: 
c*70000: z
C:
C*10000: X-Many: 1
C:
C: .
S: 250 2.0.0 Message kept
open
length 1 180012
