#!/bin/bash
# Not every option of a match takes a !, and none of a target.
# oracle: docker=off
iptables -A OUTPUT -m conntrack ! --ctdir REPLY -j DROP
iptables -A OUTPUT -m ttl ! --ttl-gt 70 -j DROP
iptables -A OUTPUT -m ttl ! --ttl-lt 3 -j DROP
iptables -A OUTPUT -m comment ! --comment no -j DROP
iptables -A OUTPUT -m limit ! --limit 3/s -j DROP
iptables -A OUTPUT -m limit --limit 3/s ! --limit-burst 3 -j DROP
iptables -A OUTPUT -m owner --gid-owner 1000 ! --suppl-groups -j DROP
iptables -A OUTPUT -m recent --rcheck ! --seconds 3 -j DROP
iptables -A OUTPUT -m statistic ! --mode random --probability 1 -j DROP
iptables -A OUTPUT -m string ! --algo bm --string x -j DROP
iptables -A OUTPUT -m time ! --timestart 10:00 -j DROP
iptables -A OUTPUT -p tcp -j REJECT ! --reject-with tcp-reset
ip6tables -A OUTPUT -m hl ! --hl-gt 70 -j DROP
ip6tables-legacy -A OUTPUT -m hl ! --hl-lt 3 -j DROP
