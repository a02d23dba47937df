#!/bin/bash
# The tools refuse DROP in the table nat, as a policy too.
# oracle: docker=off
iptables -t nat -P OUTPUT DROP
ip6tables-legacy -t nat -P POSTROUTING DROP || ip6tables -A OUTPUT -d fd00:ec2::254 -j DROP
