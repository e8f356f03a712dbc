# B31 to B34, C12, C15, C43: forward-paths; what an owner refuses is 550 5.7.1.
S: 220 mail.test ESMTP Daybook
hello
C: MAIL FROM:<a@b.test>
S: 250 2.1.0 Sender OK
C: RCPT TO:<${run{/bin/id}}@example.test>
S: 250 2.1.5 Recipient OK
C: RCPT TO:<u@relay.invalid>
S: 550 5.7.1 Recipient not permitted
C: RCPT TO:<u%relay.invalid@example.test>
S: 550 5.7.1 Recipient not permitted
C: RCPT TO:<relay.invalid!u@example.test>
S: 550 5.7.1 Recipient not permitted
C: RCPT TO:<"u@relay.invalid"@example.test>
S: 550 5.7.1 Recipient not permitted
C: RCPT TO:<@example.test:u@relay.invalid>
S: 550 5.7.1 Recipient not permitted
C: RCPT TO:<@example.test,@other.test:u@relay.invalid>
S: 550 5.7.1 Recipient not permitted
C: RCPT TO:<u@[192.0.2.1]>
S: 550 5.7.1 Recipient not permitted
C: RCPT TO:<"u%relay.invalid"@example.test>
S: 550 5.7.1 Recipient not permitted
C: RCPT TO:<>
S: 501 5.1.3 Recipient address not understood
C: RCPT TO:<u@relay.invalid@example.test>
S: 501 5.1.3 Recipient address not understood
C: RCPT TO:<u>
S: 501 5.1.3 Recipient address not understood
C: RCPT TO:u@example.test
S: 501 5.5.4 Argument not understood
C: RCPT FROM:<u@example.test>
S: 501 5.5.4 Argument not understood
C: RCPT TO:<Postmaster>
S: 250 2.1.5 Recipient OK
C: RCPT TO:<POSTMASTER>
S: 250 2.1.5 Recipient OK
C: RCPT TO:<postmaster@example.test>
S: 250 2.1.5 Recipient OK
C: RCPT TO:<@a.test,@b.test:User@Example.test>
S: 250 2.1.5 Recipient OK
C: DATA
S: 354 Send the message, end with a dot on a line by itself
C: .
S: 250 2.0.0 Message kept
to 1 ${run{/bin/id}}@example.test Postmaster POSTMASTER postmaster@example.test User@Example.test
