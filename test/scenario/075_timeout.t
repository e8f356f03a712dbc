# L04, C23: too slow at a command.
S: 220 mail.test ESMTP Daybook
hello
c: NOO
timeout
S: 421 4.4.2 Waited too long
close
C: P
