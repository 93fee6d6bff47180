using System.Net;
using System.Net.Sockets;
using Culvert.Labs;

namespace Culvert.SystemTests.Coexist;

/// <summary>A Service as kube-proxy gets it: one address per family, port 80 by TCP and UDP, one backend; also reached at a port of each node.</summary>
/// <param name="Name">Its name; also the label of its backend.</param>
/// <param name="Virtual4">Its IPv4 address.</param>
/// <param name="Virtual6">Its IPv6 address.</param>
/// <param name="NodePort">Its port at each node.</param>
/// <param name="Backend">The pod behind it, at <see cref="CoexistLab.Port"/>.</param>
internal sealed record ProxiedService(string Name, IPAddress Virtual4, IPAddress Virtual6, int NodePort, LabPod Backend)
{
    /// <summary>The Service's port.</summary>
    public const int Port = 80;

    /// <summary>Its address of a family.</summary>
    public IPAddress Virtual(AddressFamily family) => family == AddressFamily.InterNetwork ? Virtual4 : Virtual6;
}

/// <summary>The rules of kube-proxy, in the shape of its modes: Services by destination address, protocol and port; a chain for each Service and each endpoint; a mark for what has to be masqueraded.</summary>
internal static class KubeProxyRules
{
    private static readonly (AddressFamily Family, string Prefix, string Nft)[] Families = [(AddressFamily.InterNetwork, "iptables", "ip"), (AddressFamily.InterNetworkV6, "ip6tables", "ip6")];

    /// <summary>A script with the rules of mode iptables.</summary>
    /// <param name="services">The Services.</param>
    /// <param name="variant"><c>legacy</c> or <c>nft</c>.</param>
    public static string Iptables(IReadOnlyList<ProxiedService> services, string variant) => string.Concat(Families.Select(f => $"""
        {f.Prefix}-{variant}-restore <<'END'
        *nat
        :KUBE-SERVICES - [0:0]
        :KUBE-NODEPORTS - [0:0]
        :KUBE-MARK-MASQ - [0:0]
        :KUBE-POSTROUTING - [0:0]
        {Lines(services, (s, p) => $":KUBE-EXT-{Key(s, p)} - [0:0]\n:KUBE-SVC-{Key(s, p)} - [0:0]\n:KUBE-SEP-{Key(s, p)} - [0:0]")}
        -A PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
        -A OUTPUT -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
        -A POSTROUTING -m comment --comment "kubernetes postrouting rules" -j KUBE-POSTROUTING
        -A KUBE-MARK-MASQ -j MARK --or-mark 0x4000
        -A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN
        -A KUBE-POSTROUTING -j MARK --xor-mark 0x4000
        -A KUBE-POSTROUTING -j MASQUERADE --random-fully
        {Lines(services, (s, p) => $"""
            -A KUBE-SERVICES -d {s.Virtual(f.Family)} -p {p} -m {p} --dport {ProxiedService.Port} -j KUBE-SVC-{Key(s, p)}
            -A KUBE-NODEPORTS -p {p} -m {p} --dport {s.NodePort} -j KUBE-EXT-{Key(s, p)}
            -A KUBE-EXT-{Key(s, p)} -j KUBE-MARK-MASQ
            -A KUBE-EXT-{Key(s, p)} -j KUBE-SVC-{Key(s, p)}
            -A KUBE-SVC-{Key(s, p)} -j KUBE-SEP-{Key(s, p)}
            -A KUBE-SEP-{Key(s, p)} -s {s.Backend.AddressOf(f.Family)} -j KUBE-MARK-MASQ
            -A KUBE-SEP-{Key(s, p)} -p {p} -m {p} -j DNAT --to-destination {EndPoint(s, f.Family)}
            """)}
        -A KUBE-SERVICES -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS
        COMMIT
        *filter
        :KUBE-FORWARD - [0:0]
        -A FORWARD -j KUBE-FORWARD
        -A KUBE-FORWARD -m conntrack --ctstate INVALID -j DROP
        -A KUBE-FORWARD -m mark --mark 0x4000/0x4000 -j ACCEPT
        -A KUBE-FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
        COMMIT
        END

        """));

    /// <summary>A script with the rules of mode nftables.</summary>
    public static string Nftables(IReadOnlyList<ProxiedService> services) => string.Concat(Families.Select(f => $$"""
        nft -f - <<'END'
        table {{f.Nft}} kube-proxy {
          chain mark-for-masquerade { meta mark set meta mark | 0x4000; }
          {{Lines(services, (s, p) => $$"""
              chain endpoint-{{Key(s, p)}} {
                {{f.Nft}} saddr {{s.Backend.AddressOf(f.Family)}} jump mark-for-masquerade
                meta l4proto {{p}} dnat to {{EndPoint(s, f.Family)}}
              }
              chain service-{{Key(s, p)}} { goto endpoint-{{Key(s, p)}}; }
              chain external-{{Key(s, p)}} {
                jump mark-for-masquerade
                goto service-{{Key(s, p)}}
              }
              """)}}
          map service-ips {
            type {{(f.Nft == "ip" ? "ipv4_addr" : "ipv6_addr")}} . inet_proto . inet_service : verdict
            elements = { {{string.Join(", ", Each(services, (s, p) => $"{s.Virtual(f.Family)} . {p} . {ProxiedService.Port} : goto service-{Key(s, p)}"))}} }
          }
          map service-nodeports {
            type inet_proto . inet_service : verdict
            elements = { {{string.Join(", ", Each(services, (s, p) => $"{p} . {s.NodePort} : goto external-{Key(s, p)}"))}} }
          }
          chain services {
            {{f.Nft}} daddr . meta l4proto . th dport vmap @service-ips
            fib daddr type local meta l4proto . th dport vmap @service-nodeports
          }
          chain nat-prerouting { type nat hook prerouting priority dstnat; policy accept; jump services; }
          chain nat-output { type nat hook output priority -100; policy accept; jump services; }
          chain nat-postrouting {
            type nat hook postrouting priority srcnat; policy accept;
            meta mark & 0x4000 == 0 return
            meta mark set meta mark ^ 0x4000
            masquerade fully-random
          }
          chain filter-forward { type filter hook forward priority filter; policy accept; ct state invalid drop; }
        }
        END

        """));

    private static string EndPoint(ProxiedService service, AddressFamily family) => new IPEndPoint(service.Backend.AddressOf(family), CoexistLab.Port).ToString();

    private static string Key(ProxiedService service, string protocol) => $"{service.Name}-{protocol}".ToUpperInvariant();

    private static string Lines(IReadOnlyList<ProxiedService> services, Func<ProxiedService, string, string> line) => string.Join('\n', Each(services, line));

    private static IEnumerable<string> Each(IReadOnlyList<ProxiedService> services, Func<ProxiedService, string, string> text) =>
        services.SelectMany(s => (string[])[text(s, "tcp"), text(s, "udp")]);
}
