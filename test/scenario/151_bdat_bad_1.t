# C02 to C04: a chunk size nobody can read: the octets behind it cannot be told from commands.
S: 220 mail.test ESMTP Daybook
hello
C: MAIL FROM:<a@b.test>
S: 250 2.1.0 Sender OK
C: RCPT TO:<u@example.test>
S: 250 2.1.5 Recipient OK
C: BDAT -1
S: 501 5.5.4 Chunk size not understood
close
C: QUIT
stored 0
