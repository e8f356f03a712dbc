# B42: a peer that speaks before the greeting, mx.
set mode mx
set early on
S: 554 5.5.0 Spoke out of turn
C: EHLO client.test
close
