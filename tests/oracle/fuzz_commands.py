#!/usr/bin/python3
"""fuzz_commands.py -- random scripts of iptables commands, as people write them, and what the kernel makes of them.
Both families and both backends, all tables, edits by number and by text, chains made, renamed and removed, policies, marks,
tracking and translation; a good part of the commands is refused by the tools or the kernel, and some hang on others by && and ||.
    fuzz_commands.py [-n scripts per worker] [-j workers] [--seed S]     one JSON line for each script (see fuzz.py)"""
import os, sys, argparse
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import fuzz as F

HOOKS = {"raw": ["OUTPUT", "PREROUTING"], "mangle": ["OUTPUT", "INPUT", "PREROUTING", "POSTROUTING"],
         "nat": ["OUTPUT", "POSTROUTING", "PREROUTING"], "filter": ["OUTPUT", "OUTPUT", "INPUT", "FORWARD"]}
NETS = {4: ["169.254.169.254", "169.254.169.254/32", "169.254.0.0/16", "0/0", "10.0.0.0/8", "128.0.0.0/1", "169.254.169.253", "169.254.169.254,10.0.0.1"],
        6: ["fd00:ec2::254", "fd00:ec2::254/128", "fd00:ec2::/32", "::/0", "2001:db8::/32", "fd00::/8", "fd00:ec2::253"]}
OWN = {4: ["10.0.1.23", "10.0.0.0/16", "10.0.2.0/24", "169.254.169.254"], 6: ["2001:db8:1::23", "2001:db8::/32", "fd00:ec2::254", "2001:db8:2::/48"]}
SERVICE = {4: "169.254.169.254", 6: "fd00:ec2::254"}

def matches(r, six, chain):
    f = 6 if six else 4
    out = []
    sure = chain in ("INPUT", "PREROUTING")        # addresses are the other way round there
    no = lambda p=.2: ["!"] if r.random() < p else []
    if r.random() < .55: out += no() + [r.choice(["-d", "-d", "--destination"]), r.choice(OWN[f] if sure and r.random() < .7 else NETS[f])]
    if r.random() < (.4 if sure else .15): out += no() + ["-s", r.choice(NETS[f] if sure else OWN[f])]
    tcp = False
    if r.random() < .55:
        p = r.choice(["tcp", "tcp", "tcp", "tcp", "udp", "6", "all", "TCP"]); n = no(.1)
        out += n + ["-p", p]; tcp = p in ("tcp", "6", "TCP") and not n
    if tcp and r.random() < .6 or r.random() < .03: out += no() + [r.choice(["--dport", "--dport", "--sport", "--destination-port"]), r.choice(["80", "80", "443", "1:1023", "1024:", ":79", "80:443"])]
    elif tcp and r.random() < .25: out += ["-m", "multiport"] + no() + [r.choice(["--dports", "--sports", "--ports"]), r.choice(["80", "80,443", "22,8080", "1:100,443"])]
    if tcp and r.random() < .1: out += no() + ["--syn"]
    if tcp and r.random() < .08: out += no() + ["--tcp-flags", r.choice(["SYN,ACK", "ALL", "PSH", "RST,SYN,ACK"]), r.choice(["SYN", "SYN,ACK", "ACK", "NONE", "PSH"])]
    out_ok, in_ok = chain in ("OUTPUT", "FORWARD", "POSTROUTING"), chain in ("INPUT", "PREROUTING", "FORWARD")
    if r.random() < (.2 if out_ok else .02): out += no() + ["-o", r.choice(["eth0", "eth0", "lo", "eth+", "eth1"])]
    if r.random() < (.2 if in_ok else .02): out += no() + ["-i", r.choice(["eth0", "eth0", "lo", "eth+"])]
    if r.random() < (.3 if chain in ("OUTPUT", "POSTROUTING") else .04):
        out += ["-m", "owner"] + no(.35) + r.choice([["--uid-owner", r.choice(["0", "48", "1000", "root", "1-999", "nosuchuser"])], ["--gid-owner", r.choice(["0", "48", "1000"])]])
    if r.random() < .2:
        st = r.choice(["NEW", "ESTABLISHED", "RELATED,ESTABLISHED", "INVALID", "NEW,ESTABLISHED", "UNTRACKED"])
        out += (["-m", "conntrack"] + no() + ["--ctstate", st]) if r.random() < .7 else (["-m", "state"] + no() + ["--state", st])
    if r.random() < .05: out += ["-m", "conntrack"] + no() + r.choice([["--ctdir", "ORIGINAL"], ["--ctdir", "REPLY"], ["--ctorigdst", SERVICE[f]]])[0:2]
    if r.random() < .12: out += ["-m", "mark"] + no() + ["--mark", r.choice(["1", "0x1", "0", "2", "0x1/0x1", "3/2"])]
    if r.random() < .06: out += ["-m", "addrtype"] + no() + [r.choice(["--dst-type", "--src-type"]), r.choice(["LOCAL", "UNICAST", "LOCAL,UNICAST", "BROADCAST"])]
    if r.random() < .06: out += ["-m", "iprange"] + no() + ["--dst-range", "169.254.169.250-169.254.169.254" if not six else "fd00:ec2::1-fd00:ec2::ffff"]
    if r.random() < .06: out += (["-m", "hl"] + no() + [r.choice(["--hl-lt", "--hl-gt", "--hl-eq"])] if six else ["-m", "ttl"] + no() + [r.choice(["--ttl-lt", "--ttl-gt", "--ttl-eq"])]) + [r.choice(["64", "65", "1", "63"])]
    if r.random() < .05: out += ["-m", "comment", "--comment", "'no metadata'"]
    return out

def target(r, six, table, users):
    t = ["ACCEPT", "ACCEPT", "DROP", "DROP", "DROP", "RETURN", "LOG", None]
    if table == "filter" or r.random() < .03: t += ["REJECT", "REJECT"]
    if table == "mangle" or r.random() < .05: t += ["MARK", "MARK", "TTL"]
    if table == "raw" or r.random() < .02: t += ["NOTRACK", "CT --notrack", "NOTRACK"]
    if table == "nat" or r.random() < .02: t += ["REDIRECT", "REDIRECT", "DNAT", "DNAT", "SNAT", "MASQUERADE"]
    t = r.choice(t + users + users)
    if t is None: return []
    if t in users: return [r.choice(["-j", "-j", "-g", "--jump"]), t]
    if t == "REJECT" and r.random() < .5:
        t += " --reject-with " + r.choice(["tcp-reset"] + (["icmp6-adm-prohibited", "icmp6-port-unreachable"] if six else ["icmp-host-prohibited", "icmp-admin-prohibited", "icmp-port-unreachable"]))
    if t == "MARK": t += " " + r.choice(["--set-mark 1", "--set-mark 2", "--or-mark 3", "--and-mark 2", "--set-xmark 0x1/0x1"])
    if t == "TTL": t = "HL --hl-set 5" if six else r.choice(["TTL --ttl-set 5", "TTL --ttl-dec 1"])
    if t == "REDIRECT": t += r.choice([" --to-ports 8080", " --to-ports 9090", " --to-ports 80", ""])
    if t == "DNAT": t += " --to-destination " + (r.choice(["[::1]:8080", "[fd00:ec2::254]:80", "[2001:db8:1::23]:8080"]) if six else r.choice(["127.0.0.1:8080", "10.0.1.23:8080", "169.254.169.254:80", "169.254.169.254", ":8080"]))
    if t == "SNAT": t += " --to-source " + ("2001:db8:1::23" if six else "10.0.1.23")
    return ["-j"] + t.split()

def command(r, state):
    six = r.random() < .25; legacy = r.random() < state["legacy"]
    program = ("ip6tables" if six else "iptables") + ("-legacy" if legacy else r.choice(["", "", "-nft"]))
    table = r.choice(["filter"] * 5 + ["mangle", "mangle", "raw", "nat", "nat"])
    key = (six, legacy, table); chains, rules = state["chains"].setdefault(key, []), state["rules"].setdefault(key, [])
    head = [program] + (["-t", table] if table != "filter" or r.random() < .1 else []) + (["-w"] if r.random() < .05 else [])
    chain = r.choice(HOOKS[table] * 2 + chains * 2 + ["NOSUCH"] * (r.random() < .1))
    rule = lambda: matches(r, six, chain) + target(r, six, table, chains + ["NOSUCH"] * (r.random() < .05))
    number = lambda: [str(r.choice([1, 1, 1, 2, 2, 3, 9]))]
    k = r.random()
    if not chains and k < .25 or k < .06:
        name = r.choice(["U0", "U1", "U2"]); chains.append(name) if name not in chains else None
        return head + ["-N", name]
    if k < .52: x = rule(); rules.append((chain, x)); return head + [r.choice(["-A", "-A", "--append"]), chain] + x
    if k < .70: x = rule(); rules.append((chain, x)); return head + ["-I", chain] + (number() if r.random() < .5 else []) + x
    if k < .76: c, x = r.choice(rules) if rules and r.random() < .85 else (chain, rule()); return head + [r.choice(["-D", "--delete"]), c] + x
    if k < .79: return head + ["-D", chain] + number()
    if k < .82: return head + ["-R", chain] + number() + rule()
    if k < .85: c, x = r.choice(rules) if rules and r.random() < .7 else (chain, rule()); return head + ["-C", c] + x
    if k < .87: return head + ["-F"] + ([chain] if r.random() < .7 else [])
    if k < .89: return head + ["-X"] + ([r.choice(chains)] if chains and r.random() < .7 else [])
    if k < .91 and chains: old = r.choice(chains); new = r.choice(["U0", "U1", "U2", "U3"]); chains.append(new); return head + ["-E", old, new]
    if k < .97: return head + ["-P", chain, r.choice(["DROP", "DROP", "ACCEPT", "ACCEPT", "REJECT"] if table != "nat" else ["ACCEPT", "DROP"])]
    return head + [r.choice(["-S", "-L"])] + ([chain] if r.random() < .5 else [])

def script(r):
    state = {"chains": {}, "rules": {}, "legacy": r.choice([0, 0, 0, .5, 1])}
    lines = ["# oracle: docker=off listen=8080"]
    for _ in range(r.randint(2, 14)):
        line = " ".join(command(r, state))
        k = r.random()
        if k < .06: line += " && " + " ".join(command(r, state))
        elif k < .14: line += " || " + " ".join(command(r, state))
        elif k < .18: line = f"if {line}; then\n  {' '.join(command(r, state))}\nelse\n  {' '.join(command(r, state))}\nfi"
        lines.append(line)
    return "\n".join(lines) + "\n"

if __name__ == "__main__":
    a = argparse.ArgumentParser(); a.add_argument("-n", type=int, default=20); a.add_argument("-j", type=int, default=8); a.add_argument("--seed", type=int, default=1); a.add_argument("--json", action="store_true", help="there is no other way")
    o = a.parse_args()
    sys.exit(F.parallel(o.j, lambda j: F.asker(o.seed * 1000 + j, o.n, script, ["root4", "svc4", "usr4", "root6", "svc6", "usr6"])))
