# A closed endpoint says so at once.
set closed on
S: 421 4.3.2 Service not available
close
