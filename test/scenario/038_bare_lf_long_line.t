# B20, B23: a line that is already too long and ends in LF alone.
S: 220 mail.test ESMTP Daybook
hello
c*3000: x
c: \nNOOP\r\n
S: 500 5.5.2 Line ends without CR
close
