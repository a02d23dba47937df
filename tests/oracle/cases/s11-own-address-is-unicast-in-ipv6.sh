#!/bin/bash
# In IPv6 an address of the host's own is UNICAST as well as LOCAL; in IPv4 it is LOCAL only.
# oracle: docker=off
ip6tables -A OUTPUT -p tcp -m addrtype --src-type UNICAST -j DROP
iptables -A OUTPUT -p tcp -m addrtype --src-type UNICAST -j DROP
