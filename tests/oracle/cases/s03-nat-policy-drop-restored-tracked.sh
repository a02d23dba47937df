#!/bin/bash
# A restored policy of the table nat counts as soon as any rule makes the kernel track connections.
# oracle: docker=off
iptables-restore <<'END'
*nat
:OUTPUT DROP [0:0]
COMMIT
END
iptables -A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT
