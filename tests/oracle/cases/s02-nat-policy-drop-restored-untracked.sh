#!/bin/bash
# A restored policy is not refused, but the table nat is only asked where connections are tracked: here nothing tracks them.
# oracle: docker=off
iptables-restore <<'END'
*nat
:OUTPUT DROP [0:0]
COMMIT
END
