using System.Diagnostics;
using Culvert.Interop.Netlink;
using Culvert.NodeAgent.Datapath.Firewall;

namespace Culvert.NodeAgent.Tests.Datapath.Firewall;

/// <summary>Rules as they are made in a network namespace, and what is read of them.</summary>
public sealed class FirewallReaderTests : IDisposable
{
    private static int s_count;
    private readonly string _name = $"cv-fw{Environment.ProcessId}-{Interlocked.Increment(ref s_count)}";
    private readonly NetworkNamespace _network;

    public FirewallReaderTests() => _network = NetworkNamespace.Create(_name);

    public void Dispose()
    {
        _network.Dispose();
        NetworkNamespace.Delete(_name);
    }

    [Theory]
    [InlineData("chain forwarded { type filter hook forward priority 0; ip saddr 10.91.1.2 drop; }", "ip nat forwarded has a rule with 'drop'")]
    [InlineData("chain pre { type nat hook prerouting priority -100; ip saddr 10.91.1.2 drop; }", "ip nat pre has a rule with 'drop'")]
    [InlineData("chain deep { drop; }; chain pre { type nat hook prerouting priority -100; jump deep; }", "ip nat deep has a rule with 'drop'")]
    [InlineData("chain pre { type nat hook prerouting priority -100; policy drop; }", "ip nat pre has the policy drop")]
    [InlineData("map m { type ipv4_addr : verdict; elements = { 10.91.1.2 : drop }; }; chain pre { type nat hook prerouting priority -100; ip saddr vmap @m; }", "ip nat pre has a rule with 'drop'")]
    [InlineData("map m { type ipv4_addr : verdict; elements = { 10.91.1.2 : accept }; }; chain pre { type nat hook prerouting priority -100; ip saddr vmap @m; }", null)]
    [InlineData("chain deep { dnat to 10.91.1.3; }; chain pre { type nat hook prerouting priority -100; tcp dport 80 jump deep; meta mark set 0x1; }", null)]
    [InlineData("chain out { type filter hook output priority 0; drop; }; chain unused { drop; }", null)]
    public void A_table_for_translating_addresses_is_looked_into_as_any_other(string chains, string? reason)
    {
        Shell($"nft -f - <<E\ntable ip nat {{ {chains}\n}}\nE");
        Assert.Equal(reason is null ? [] : [reason], Read());
    }

    [Theory]
    [InlineData("iptables-nft")]
    [InlineData("iptables-legacy")]
    public void Marks_are_found_where_addresses_are_translated(string tool)
    {
        Shell($"{tool} -t nat -N KUBE-SERVICES; {tool} -t nat -A PREROUTING -j KUBE-SERVICES; {tool} -t nat -A KUBE-SERVICES -j MARK --set-mark 0x4000; {tool} -t nat -N Y; {tool} -t nat -A Y -j MARK --set-mark 1; {tool} -t nat -N X; {tool} -t nat -A PREROUTING -j X");
        Assert.Empty(Read());
        Assert.Null(FindMark());
        Shell($"{tool} -t nat -A X -s 10.91.1.2 -j Y");
        Assert.Empty(Read());
        Assert.Equal($"{(tool == "iptables-nft" ? "ip" : tool)} nat Y sets marks", FindMark());
    }

    [Fact]
    public void Marks_behind_maps_are_found()
    {
        Shell("nft -f - <<E\ntable inet t {\nchain deep { meta mark set 0x1; }\nmap m { type ipv4_addr : verdict; elements = { 10.91.1.2 : jump deep }; }\nchain pre { type nat hook prerouting priority -100; ip saddr vmap @m; }\n}\nE");
        Assert.Empty(Read());
        Assert.Equal("inet t deep sets marks", FindMark());
    }

    /// <summary>As kube-proxy, the portmap plugin, flannel and Calico have them there.</summary>
    [Fact]
    public void Rules_of_others_that_only_translate_and_mark_are_no_reason()
    {
        Shell("""
            iptables-nft-restore <<E
            *nat
            :KUBE-SERVICES - [0:0]
            :KUBE-SVC-1 - [0:0]
            :KUBE-MARK-MASQ - [0:0]
            :KUBE-POSTROUTING - [0:0]
            :FLANNEL-POSTRTG - [0:0]
            :CNI-HOSTPORT-DNAT - [0:0]
            :CNI-HOSTPORT-MASQ - [0:0]
            :CNI-HOSTPORT-SETMARK - [0:0]
            :CNI-DN-0 - [0:0]
            :cali-PREROUTING - [0:0]
            :cali-fip-dnat - [0:0]
            -A PREROUTING -m comment --comment "cali:6gwbT8clXdHdC1b1" -j cali-PREROUTING
            -A PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
            -A PREROUTING -m addrtype --dst-type LOCAL -j CNI-HOSTPORT-DNAT
            -A POSTROUTING -m comment --comment "kubernetes postrouting rules" -j KUBE-POSTROUTING
            -A POSTROUTING -m comment --comment "CNI portfwd requiring masquerade" -j CNI-HOSTPORT-MASQ
            -A POSTROUTING -m comment --comment "flanneld masq" -j FLANNEL-POSTRTG
            -A KUBE-MARK-MASQ -j MARK --or-mark 0x4000
            -A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN
            -A KUBE-POSTROUTING -j MASQUERADE --random-fully
            -A KUBE-SERVICES ! -s 10.91.0.0/16 -d 10.96.0.1 -p tcp -m tcp --dport 80 -j KUBE-MARK-MASQ
            -A KUBE-SERVICES -d 10.96.0.1 -p tcp -m tcp --dport 80 -j KUBE-SVC-1
            -A KUBE-SVC-1 -m statistic --mode random --probability 0.5 -p tcp -m tcp -j DNAT --to-destination 10.91.1.3:80
            -A FLANNEL-POSTRTG -s 10.91.0.0/16 ! -d 224.0.0.0/4 -j MASQUERADE --random-fully
            -A CNI-HOSTPORT-DNAT -p tcp -m multiport --dports 8080 -j CNI-DN-0
            -A CNI-DN-0 -s 127.0.0.1 -p tcp -m tcp --dport 8080 -j CNI-HOSTPORT-SETMARK
            -A CNI-DN-0 -p tcp -m tcp --dport 8080 -j DNAT --to-destination 10.91.1.3:80
            -A CNI-HOSTPORT-SETMARK -j MARK --set-xmark 0x2000/0x2000
            -A CNI-HOSTPORT-MASQ -m mark --mark 0x2000/0x2000 -j MASQUERADE
            -A cali-PREROUTING -j cali-fip-dnat
            COMMIT
            E
            """);
        Assert.Empty(Read());
    }

    [Fact]
    public void Of_very_many_rules_of_kube_proxy_only_the_first_chains_are_read()
    {
        const int Services = 2000;
        string rules = string.Concat(Enumerable.Range(0, Services).Select(i => $"-A KUBE-SERVICES -d 10.96.{i / 250}.{i % 250} -p tcp -m tcp --dport 80 -j KUBE-SVC-{i}\n-A KUBE-SVC-{i} -p tcp -j DNAT --to-destination 10.91.1.3:80\n"));
        Shell($"iptables-nft-restore <<E\n*nat\n:KUBE-SERVICES - [0:0]\n{string.Concat(Enumerable.Range(0, Services).Select(i => $":KUBE-SVC-{i} - [0:0]\n"))}-A PREROUTING -m comment --comment \"kubernetes service portals\" -j KUBE-SERVICES\n{rules}COMMIT\nE");
        using FirewallReader reader = new();
        long before = 0, took = 0;
        using (_network.Enter())
        {
            Assert.Empty(reader.Read());
            before = GC.GetAllocatedBytesForCurrentThread();
            Assert.Empty(reader.Read());
            took = GC.GetAllocatedBytesForCurrentThread() - before;
        }
        // The list of the chains' names has about 85 bytes each; the rules would be ten times as much.
        Assert.InRange(took, 0, Services * 1500);
    }

    private string[] Read()
    {
        using FirewallReader reader = new();
        using (_network.Enter()) return [.. reader.Read()];
    }

    private string? FindMark()
    {
        using FirewallReader reader = new();
        using (_network.Enter()) return reader.FindMark();
    }

    private void Shell(string script)
    {
        using Process process = Process.Start(new ProcessStartInfo("nsenter", [$"--net=/run/netns/{_name}", "sh", "-e"]) { RedirectStandardError = true, RedirectStandardInput = true })!;
        process.StandardInput.Write(script);
        process.StandardInput.Close();
        string error = process.StandardError.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, error);
    }
}
