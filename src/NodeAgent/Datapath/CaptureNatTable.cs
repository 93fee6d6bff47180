using System.Net;
using System.Net.Sockets;
using Culvert.NodeAgent.Options;

namespace Culvert.NodeAgent.Datapath;

/// <summary>The commands of nft that make and remove the table of <see cref="CaptureNat"/>, which says what its chains are for. Pure.</summary>
internal sealed class CaptureNatTable(AgentOptions options)
{
    private const string KeepDestination4 = "meta nfproto ipv4 dnat ip to ip daddr", KeepDestination6 = "meta nfproto ipv6 dnat ip6 to ip6 daddr";

    /// <summary>Family and name.</summary>
    internal string Name { get; } = $"inet {NatTables.NameOf(options.Marks, options.TunnelPort)}";

    /// <summary>Removes it, whether it is there or not.</summary>
    internal string Remove => $"add table {Name}\ndelete table {Name}";

    /// <summary>Makes it in one transaction, whatever was there.</summary>
    internal string Make(KeptSources sources) => $$"""
        {{Remove}}
        table {{Name}} {
          {{(sources.Any ? Sets(sources) : "")}}
          chain keep-destination {
            type nat hook prerouting priority dstnat - 1; policy accept; # before every other's chain
            meta mark & {{options.Marks}} == 0x{{options.Marks.Capture:x}} meta l4proto { tcp, udp } {{KeepDestination4}}
            meta mark & {{options.Marks}} == 0x{{options.Marks.Capture:x}} meta l4proto { tcp, udp } {{KeepDestination6}}
            {{OwnPorts()}}
            {{(sources.Workloads.Count > 0 ? TunnelsToWorkloads() : "")}}
          }
          chain keep-own-destination {
            type nat hook output priority -101; policy accept; # dstnat - 1, which nft knows at prerouting only
            {{OwnPorts()}}
            {{FromProxy}} tcp dport {{options.TunnelPort}} {{KeepDestination4}}
            {{FromProxy}} tcp dport {{options.TunnelPort}} {{KeepDestination6}}
          }
          {{(sources.Any ? KeepSource(sources) : "")}}
        }
        """;

    private string FromProxy => $"meta mark & {options.Marks} == 0x{options.Marks.Proxy:x}";

    // Where somebody else's pod asks for them as ports of the host, probes and scrapers would ask that pod.
    private string OwnPorts()
    {
        int[] ports = [options.Metrics?.Port ?? AgentOptionsDefaults.MetricsPort, options.Readiness?.Port ?? AgentOptionsDefaults.ReadinessPort];
        string match = $"fib daddr type local tcp dport {{ {string.Join(", ", ports.Distinct().Order())} }}";
        return $"{match} {KeepDestination4}\n{match} {KeepDestination6}";
    }

    // A Service may claim any address as an external one of its own.
    private string TunnelsToWorkloads() =>
        $"ip daddr @workloads4 tcp dport {options.TunnelPort} dnat ip to ip daddr\nip6 daddr @workloads6 tcp dport {options.TunnelPort} dnat ip6 to ip6 daddr";

    private string KeepSource(KeptSources sources) => $$"""
        chain keep-source {
            type nat hook postrouting priority srcnat - 1; policy accept;
            {{FromProxy}} meta l4proto { tcp, udp } ip daddr @workloads4 snat ip to ip saddr
            {{FromProxy}} meta l4proto { tcp, udp } ip6 daddr @workloads6 snat ip6 to ip6 saddr
            {{(sources.Tunnels ? $"{FromProxy} tcp dport {options.TunnelPort} meta nfproto ipv4 snat ip to ip saddr\n{FromProxy} tcp dport {options.TunnelPort} meta nfproto ipv6 snat ip6 to ip6 saddr" : "")}}
          }
        """;

    private static string Sets(KeptSources sources) => $$"""
        set workloads4 { type ipv4_addr; {{Elements(sources, AddressFamily.InterNetwork)}} }
          set workloads6 { type ipv6_addr; {{Elements(sources, AddressFamily.InterNetworkV6)}} }
        """;

    private static string Elements(KeptSources sources, AddressFamily family)
    {
        IPAddress[] addresses = [.. sources.Workloads.Where(a => a.AddressFamily == family)];
        return addresses.Length == 0 ? "" : $"elements = {{ {string.Join(", ", addresses.Select(a => a.ToString()))} }}";
    }
}
