#!/bin/bash
# The same with the legacy tools.
# oracle: docker=off legacy=yes
iptables -I OUTPUT -d 169.254.169.254,10.0.0.1 -j DROP
iptables -D OUTPUT 1
ip6tables -A OUTPUT -d fd00:ec2::1 -j ACCEPT
ip6tables -A OUTPUT -d fd00:ec2::1 -j ACCEPT
ip6tables -I OUTPUT 2 -d fd00:ec2::2,fd00:ec2::254 -j DROP
ip6tables -D OUTPUT 2
