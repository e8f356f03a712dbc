# B44: a TLS ClientHello where plain text is spoken.
S: 220 mail.test ESMTP Daybook
c: \x16\x03\x01\x02\x00\x01\x00\r\n
S: 554 5.7.0 TLS begins with STARTTLS here
close
