using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Culvert.Interop.Bpf;
using Culvert.Interop.Native;
using Culvert.Interop.Netlink;
using Culvert.Interop.Tests.Support;

namespace Culvert.Interop.Tests.Netlink;

/// <summary>Hand-written native structs and numbers against the C compiler.</summary>
public sealed class NativeLayoutTests
{
    private static readonly string[] Headers =
    [
        "<poll.h>", "<sys/mount.h>", "<sched.h>", "<fcntl.h>", "<sys/socket.h>", "<linux/if.h>", "<linux/bpf.h>", "<linux/netlink.h>", "<linux/rtnetlink.h>", "<linux/if_link.h>", "<linux/if_addr.h>", "<linux/fib_rules.h>",
        "<linux/neighbour.h>", "<linux/veth.h>", "<linux/magic.h>", "<linux/pkt_sched.h>", "<linux/pkt_cls.h>", "<linux/netconf.h>", "<linux/ipv6.h>",
    ];

    // Linux 6.15; the headers of older distributions do not have it.
    private static readonly string[] NewerThanHeaders = [nameof(Rt.FRA_DPORT_MASK)];

    [Fact]
    public void NetlinkStructsAreThoseOfC()
    {
        Dictionary<string, long> expected = new(StringComparer.Ordinal);
        Add<Libc.sockaddr_nl>(expected);
        Add<Libc.nlmsghdr>(expected);
        Add<Libc.ifinfomsg>(expected, "ifi_pad");
        Add<Libc.ifaddrmsg>(expected);
        Add<Libc.rtmsg>(expected);
        Add<Libc.fib_rule_hdr>(expected);
        Add<Libc.tcmsg>(expected);
        Add<Libc.ndmsg>(expected);
        expected["sizeof(struct pollfd)"] = Unsafe.SizeOf<Tmds.Linux.pollfd>();
        Check(expected);
    }

    [Fact]
    public void ContextsOfTestRunsAreThoseOfC() => Check(new(StringComparer.Ordinal)
    {
        ["sizeof(struct __sk_buff)"] = Unsafe.SizeOf<SkBuffContext>(),
        ["offsetof(struct __sk_buff, mark)"] = Offset<SkBuffContext>(nameof(SkBuffContext.Mark)),
        ["offsetof(struct __sk_buff, priority)"] = Offset<SkBuffContext>(nameof(SkBuffContext.Priority)),
        ["offsetof(struct __sk_buff, ingress_ifindex)"] = Offset<SkBuffContext>(nameof(SkBuffContext.IngressInterface)),
        ["offsetof(struct __sk_buff, ifindex)"] = Offset<SkBuffContext>(nameof(SkBuffContext.Interface)),
        ["offsetof(struct __sk_buff, tc_index)"] = Offset<SkBuffContext>(nameof(SkBuffContext.TcIndex)),
        ["offsetof(struct __sk_buff, cb)"] = Offset<SkBuffContext>(nameof(SkBuffContext.ControlBuffer)),
        ["offsetof(struct __sk_buff, tstamp)"] = Offset<SkBuffContext>(nameof(SkBuffContext.Timestamp)),
        ["offsetof(struct __sk_buff, wire_len)"] = Offset<SkBuffContext>(nameof(SkBuffContext.WireLength)),
        ["offsetof(struct __sk_buff, gso_segs)"] = Offset<SkBuffContext>(nameof(SkBuffContext.SegmentCount)),
        ["offsetof(struct __sk_buff, gso_size)"] = Offset<SkBuffContext>(nameof(SkBuffContext.SegmentSize)),
        ["sizeof(struct xdp_md)"] = Unsafe.SizeOf<XdpContext>(),
        ["offsetof(struct bpf_prog_info, name)"] = 64,
        ["offsetof(struct bpf_link_info, xdp.ifindex)"] = 16,
        ["offsetof(union bpf_attr, link_create.flags)"] = 12,
        ["offsetof(union bpf_attr, link_create.target_btf_id)"] = 16,
        ["offsetof(union bpf_attr, query.prog_attach_flags)"] = 32,
        ["offsetof(union bpf_attr, prog_flags)"] = 44,
    });

    [Fact]
    public void RtnetlinkNumbersAreThoseOfC() => Check(Constants(typeof(Rt)).Where(c => !NewerThanHeaders.Contains(c.Key)).ToDictionary(StringComparer.Ordinal));

    [Fact]
    public void LibcNumbersAreThoseOfC()
    {
        Dictionary<string, long> all = Constants(typeof(Libc));
        string[] own = ["AF_NETLINK", "NETLINK_", "POLL", "BPF_FS", "NSFS"];
        Dictionary<string, long> checkedHere = all.Where(c => own.Any(o => c.Key.StartsWith(o, StringComparison.Ordinal))).ToDictionary(StringComparer.Ordinal);
        Assert.True(checkedHere.Count >= 8);
        Check(checkedHere);
    }

    private static Dictionary<string, long> Constants(Type type) => type
        .GetFields(BindingFlags.Static | BindingFlags.NonPublic)
        .Where(f => f.IsLiteral && f.FieldType != typeof(string))
        .ToDictionary(f => f.Name, f => unchecked((long)Convert.ToDecimal(f.GetRawConstantValue())), StringComparer.Ordinal);

    private static void Add<T>(Dictionary<string, long> expected, params string[] except)
        where T : unmanaged
    {
        string name = $"struct {typeof(T).Name}";
        expected[$"sizeof({name})"] = Unsafe.SizeOf<T>();
        // Sequential fields of blittable types lie where C puts them when each is naturally aligned.
        int offset = 0;
        foreach (FieldInfo field in typeof(T).GetFields(BindingFlags.Instance | BindingFlags.Public))
        {
            int size = Type.GetTypeCode(field.FieldType) switch { TypeCode.Byte => 1, TypeCode.UInt16 => 2, _ => 4 };
            offset = (offset + size - 1) / size * size;
            if (!except.Contains(field.Name)) expected[$"offsetof({name}, {field.Name})"] = offset;
            offset += size;
        }
    }

    private static int Offset<T>(string field) => typeof(T).GetField(field)!.GetCustomAttribute<FieldOffsetAttribute>()!.Value;

    private static void Check(Dictionary<string, long> expected)
    {
        IReadOnlyDictionary<string, long> actual = CProbe.Evaluate(Headers, expected.Keys);
        Assert.All(expected, e => Assert.True(actual[e.Key] == e.Value, $"{e.Key} is {actual[e.Key]} in C, {e.Value} in C#"));
    }
}
