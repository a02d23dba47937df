#!/bin/bash
# In the table raw a packet has no connection yet: a test of its direction or first destination fails, with ! as well.
# oracle: docker=off
iptables -t raw -A OUTPUT -m conntrack --ctorigdst 169.254.169.254 -j DROP
iptables -t raw -A OUTPUT -m conntrack ! --ctorigdst 10.0.0.1 -j DROP
ip6tables -t raw -A OUTPUT -m conntrack --ctstate INVALID --ctorigdst fd00:ec2::1 -j DROP
