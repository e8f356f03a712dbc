# B23, C16: a line that ends in LF alone ends the session; what follows is not run.
S: 220 mail.test ESMTP Daybook
hello
c: NOOP\nNOOP\r\n
S: 500 5.5.2 Line ends without CR
close
