#!/bin/bash
# In IPv6 a list of address types has to hold as a whole: nothing far away is LOCAL as well as UNICAST.
# oracle: docker=off
ip6tables -A INPUT -m addrtype --src-type LOCAL,UNICAST -j DROP
iptables -A INPUT -m addrtype --src-type LOCAL,UNICAST -j DROP
