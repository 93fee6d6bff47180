using System.Globalization;
using System.Text;

namespace Culvert.Labs;

public sealed partial class Lab
{
    // What an agent is to listen at must not be given out before it does. The ports behind what is reserved are given out the more: those between 15000 and 15100 are nobody's.
    // Duplicate address detection would keep IPv6 addresses unusable for a second.
    private const string CommonSettings = """
        set_() { if [ -e "/proc/sys/$1" ]; then echo "$2" > "/proc/sys/$1"; fi; }
        for c in all default; do
          set_ net/ipv6/conf/$c/disable_ipv6 0
          set_ net/ipv6/conf/$c/accept_dad 0
          set_ net/ipv6/conf/$c/accept_ra 0
          set_ net/ipv4/conf/$c/send_redirects 0
          set_ net/ipv4/conf/$c/accept_redirects 0
        done
        set_ net/core/somaxconn 8192
        set_ net/ipv4/tcp_max_syn_backlog 8192
        set_ net/ipv4/ip_local_port_range '10000 64999'
        set_ net/ipv4/ip_local_reserved_ports 15000-15100
        set_ net/ipv4/tcp_tw_reuse 1
        ip link set lo up

        """;

    private string LinkScript() => $"""
        ip netns add {LinkNamespace}
        nsenter --net=/run/netns/{LinkNamespace} sh -eu <<'END'
        {CommonSettings}
        ip link add br0 mtu {_options.Mtu} type bridge stp_state 0 forward_delay 0 mcast_snooping 0
        ip link set br0 up
        END
        """;

    private string NodeScript(LabNode node) => $"""
            ip netns add {node.Namespace}
            mount -t bpf bpf {node.BpfFolder}
            nsenter --net={node.NamespacePath} sh -eu <<'END'
            {CommonSettings}
            for c in all default; do set_ net/ipv4/conf/$c/rp_filter {_options.ReversePathFilter}; done
            set_ net/ipv4/ip_forward 1
            set_ net/ipv6/conf/all/forwarding 1
            END
            """;

    private string LinkUpScript(LabNode node, bool wired)
    {
        var script = new StringBuilder();
        if (wired) AppendWireSettings(script, node);
        else AppendVeth(script, node);
        script.Append(CultureInfo.InvariantCulture, $"""
            ip -n {LinkNamespace} link set {Port(node)} master br0 up
            ip -n {node.Namespace} address add {node.Address4}/24 dev {LabNode.Uplink}
            ip -n {node.Namespace} address add {node.Address6}/64 dev {LabNode.Uplink} nodad
            ip -n {node.Namespace} link set {LabNode.Uplink} up

            """);
        foreach (var other in _nodes)
        {
            AppendRoute(script, node, other);
            AppendRoute(script, other, node);
        }

        return script.ToString();
    }

    private void AppendVeth(StringBuilder script, LabNode node) =>
        script.Append(CultureInfo.InvariantCulture, $"""
            ip link add name {LabNode.Uplink} netns {node.Namespace} mtu {_options.Mtu} address 0a:90:00:00:00:{node.Index:x2} type veth peer name {Port(node)} netns {LinkNamespace} mtu {_options.Mtu}

            """);

    // The wire's process reads frame by frame: the queues take what one wake-up of it lets gather.
    private void AppendWireSettings(StringBuilder script, LabNode node) =>
        script.Append(CultureInfo.InvariantCulture, $"""
            ip -n {node.Namespace} link set {LabNode.Uplink} address 0a:90:00:00:00:{node.Index:x2} mtu {_options.Mtu} txqueuelen 10000
            ip -n {LinkNamespace} link set {Port(node)} mtu {_options.Mtu} txqueuelen 10000

            """);

    private string PodScript(LabPod pod) => $"""
        ip netns add {pod.Namespace}
        nsenter --net={pod.NamespacePath} sh -eu <<'END'
        {CommonSettings}
        END
        ip link add name {pod.HostInterface} netns {pod.Node.Namespace} mtu {_options.Mtu} address {pod.HostMac} type veth peer name eth0 netns {pod.Namespace} address {pod.Mac} mtu {_options.Mtu}
        ip -n {pod.Node.Namespace} link set {pod.HostInterface} up
        nsenter --net={pod.NamespacePath} sh -eu <<'END'
        ip address add {pod.Address4}/32 dev eth0
        ip address add {pod.Address6}/128 dev eth0 nodad
        ip link set eth0 up
        ip neigh add 169.254.1.1 lladdr {pod.HostMac} dev eth0 nud permanent
        ip route add 169.254.1.1 dev eth0 scope link
        ip route add default via 169.254.1.1 dev eth0
        ip neigh add fe80::1 lladdr {pod.HostMac} dev eth0 nud permanent
        ip -6 route add default via fe80::1 dev eth0
        END
        ip -n {pod.Node.Namespace} route add {pod.Address4}/32 dev {pod.HostInterface}
        ip -n {pod.Node.Namespace} -6 route add {pod.Address6}/128 dev {pod.HostInterface}
        """;

    private static string Port(LabNode node) => string.Create(CultureInfo.InvariantCulture, $"port{node.Index}");

    private static void AppendRoute(StringBuilder script, LabNode from, LabNode to) =>
        script.Append(CultureInfo.InvariantCulture, $"""
            ip -n {from.Namespace} route add 10.91.{to.Index}.0/24 via {to.Address4}
            ip -n {from.Namespace} -6 route add fd91:{to.Index:x}::/32 via {to.Address6}

            """);
}
