# B42, C24: EHLO ends a group; mx.
set mode mx
set split off
S: 220 mail.test ESMTP Daybook
c: EHLO client.test\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<u@example.test>\r\nDATA\r\n
S: 554 5.5.0 Spoke out of turn
close
