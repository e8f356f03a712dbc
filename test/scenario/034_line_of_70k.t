# B20: 64 KiB and more without a line end: no mail client.
S: 220 mail.test ESMTP Daybook
hello
c: NOOP
c*14000:  QUIT
C:
S: 500 5.5.2 Line far too long
close
C: NOOP
