namespace Culvert.Interop.Netlink;

/// <summary>Numbers of rtnetlink (linux/netlink.h, rtnetlink.h, if_link.h, if_addr.h, fib_rules.h, neighbour.h, veth.h, pkt_sched.h, pkt_cls.h).</summary>
internal static class Rt
{
    internal const ushort NLMSG_ERROR = 2;
    internal const ushort NLMSG_DONE = 3;
    internal const ushort NLMSG_OVERRUN = 4;

    internal const ushort NLM_F_REQUEST = 1;
    internal const ushort NLM_F_ACK = 4;
    internal const ushort NLM_F_DUMP_INTR = 0x10;
    internal const ushort NLM_F_CAPPED = 0x100;
    internal const ushort NLM_F_ACK_TLVS = 0x200;
    internal const ushort NLM_F_DUMP = 0x300;
    internal const ushort NLM_F_REPLACE = 0x100;
    internal const ushort NLM_F_EXCL = 0x200;
    internal const ushort NLM_F_CREATE = 0x400;
    internal const ushort NLMSGERR_ATTR_MSG = 1;
    internal const ushort NLA_F_NESTED = 0x8000;

    internal const ushort RTM_NEWLINK = 16;
    internal const ushort RTM_DELLINK = 17;
    internal const ushort RTM_GETLINK = 18;
    internal const ushort RTM_NEWADDR = 20;
    internal const ushort RTM_DELADDR = 21;
    internal const ushort RTM_GETADDR = 22;
    internal const ushort RTM_NEWROUTE = 24;
    internal const ushort RTM_DELROUTE = 25;
    internal const ushort RTM_GETROUTE = 26;
    internal const ushort RTM_NEWNEIGH = 28;
    internal const ushort RTM_DELNEIGH = 29;
    internal const ushort RTM_GETNEIGH = 30;
    internal const ushort RTM_NEWRULE = 32;
    internal const ushort RTM_DELRULE = 33;
    internal const ushort RTM_GETRULE = 34;

    internal const uint RTMGRP_LINK = 1;
    internal const uint RTMGRP_IPV4_IFADDR = 0x10;
    internal const uint RTMGRP_IPV4_ROUTE = 0x40;
    internal const uint RTMGRP_IPV6_IFADDR = 0x100;
    internal const uint RTMGRP_IPV6_ROUTE = 0x400;

    internal const uint RTMGRP_IPV4_RULE = 0x80;

    // A group by its number: rtnetlink.h has no mask for it.
    internal const int RTNLGRP_IPV6_RULE = 19;

    internal const uint IFF_UP = 1;
    internal const uint IFF_LOWER_UP = 0x10000;
    internal const ushort IFLA_ADDRESS = 1;
    internal const ushort IFLA_IFNAME = 3;
    internal const ushort IFLA_MTU = 4;
    internal const ushort IFLA_LINK = 5;
    internal const ushort IFLA_MASTER = 10;
    internal const ushort IFLA_LINKINFO = 18;
    internal const ushort IFLA_AF_SPEC = 26;
    internal const ushort IFLA_INET6_CONF = 2;
    internal const int DEVCONF_DISABLE_IPV6 = 26;
    internal const ushort IFLA_NET_NS_FD = 28;
    internal const ushort IFLA_LINK_NETNSID = 37;
    internal const ushort IFLA_XDP = 43;
    internal const ushort IFLA_XDP_PROG_ID = 4;
    internal const ushort IFLA_INFO_KIND = 1;
    internal const ushort IFLA_INFO_DATA = 2;
    internal const ushort VETH_INFO_PEER = 1;
    internal const int IFNAMSIZ = 16;

    internal const ushort IFA_ADDRESS = 1;
    internal const ushort IFA_LOCAL = 2;
    internal const ushort IFA_FLAGS = 8;
    internal const uint IFA_F_NODAD = 2;

    internal const byte RT_TABLE_COMPAT = 252;
    internal const byte RT_SCOPE_UNIVERSE = 0;
    internal const byte RT_SCOPE_LINK = 253;
    internal const byte RT_SCOPE_HOST = 254;
    internal const byte RT_SCOPE_NOWHERE = 255;
    internal const uint RTNH_F_ONLINK = 4;
    internal const uint RTM_F_CLONED = 0x200;
    internal const ushort RTA_DST = 1;
    internal const ushort RTA_SRC = 2;
    internal const ushort RTA_IIF = 3;
    internal const ushort RTA_OIF = 4;
    internal const ushort RTA_GATEWAY = 5;
    internal const ushort RTA_PRIORITY = 6;
    internal const ushort RTA_PREFSRC = 7;
    internal const ushort RTA_METRICS = 8;
    internal const ushort RTA_TABLE = 15;
    internal const ushort RTA_VIA = 18;
    internal const ushort RTA_ENCAP_TYPE = 21;
    internal const ushort RTAX_MTU = 2;

    internal const ushort RTM_GETNETCONF = 82;
    internal const ushort NETCONFA_IFINDEX = 1;
    internal const ushort NETCONFA_FORWARDING = 2;

    internal const byte FR_ACT_TO_TBL = 1;
    internal const byte FR_ACT_GOTO = 2;
    internal const byte FR_ACT_NOP = 3;
    internal const byte FR_ACT_BLACKHOLE = 6;
    internal const byte FR_ACT_UNREACHABLE = 7;
    internal const byte FR_ACT_PROHIBIT = 8;
    internal const uint FIB_RULE_INVERT = 2;
    internal const ushort FRA_DST = 1;
    internal const ushort FRA_SRC = 2;
    internal const ushort FRA_IIFNAME = 3;
    internal const ushort FRA_GOTO = 4;
    internal const ushort FRA_PRIORITY = 6;
    internal const ushort FRA_FWMARK = 10;
    internal const ushort FRA_SUPPRESS_IFGROUP = 13;
    internal const ushort FRA_SUPPRESS_PREFIXLEN = 14;
    internal const ushort FRA_TABLE = 15;
    internal const ushort FRA_FWMASK = 16;
    internal const ushort FRA_OIFNAME = 17;
    internal const ushort FRA_L3MDEV = 19;
    internal const ushort FRA_PROTOCOL = 21;
    internal const ushort FRA_IP_PROTO = 22;
    internal const ushort FRA_DPORT_RANGE = 24;
    internal const ushort FRA_DPORT_MASK = 29;

    // A group by its number, as above.
    internal const int RTNLGRP_TC = 4;
    internal const ushort RTM_NEWQDISC = 36;
    internal const ushort RTM_DELQDISC = 37;
    internal const ushort RTM_GETQDISC = 38;
    internal const ushort RTM_NEWTFILTER = 44;
    internal const ushort RTM_DELTFILTER = 45;
    internal const ushort RTM_GETTFILTER = 46;
    internal const ushort TCA_KIND = 1;
    internal const ushort TCA_OPTIONS = 2;
    internal const ushort TCA_BPF_ID = 11;

    internal const uint TC_H_CLSACT = 0xfffffff1;
    internal const uint TC_H_MAJ_MASK = 0xffff0000;
    internal const uint TC_H_MIN_INGRESS = 0xfff2;
    internal const uint TC_H_MIN_EGRESS = 0xfff3;

    internal const ushort NUD_PERMANENT = 0x80;
    internal const ushort NDA_DST = 1;
    internal const ushort NDA_LLADDR = 2;
}
