#!/bin/bash
# The tools refuse a list of addresses in a rule that negates the other end.
# oracle: docker=off
iptables -A OUTPUT -d 169.254.169.254,10.0.0.1 ! -s 10.9.0.1 -j DROP
ip6tables-legacy -A OUTPUT ! -d fd00:ec2::1 -s 2001:db8::/32,fe80::/64 -j DROP
