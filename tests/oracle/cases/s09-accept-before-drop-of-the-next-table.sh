#!/bin/bash
# An ACCEPT ends the chain of its own table only: the tables after it are still asked.
# oracle: docker=off
iptables -t raw -A OUTPUT -j ACCEPT
iptables -t mangle -A OUTPUT -d 169.254.169.254 -j ACCEPT
iptables -A OUTPUT -d 169.254.169.254 -m owner --uid-owner 0 -j ACCEPT
iptables -A OUTPUT -d 169.254.169.254 -j DROP
ip6tables -t mangle -A INPUT -j ACCEPT
ip6tables-legacy -A INPUT -p tcp -s fd00:ec2::254 -j DROP
