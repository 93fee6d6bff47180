using System.Net.Sockets;
using Culvert.Labs;

namespace Culvert.SystemTests.Coexist;

/// <summary>The rules by which policy engines have iptables enforce NetworkPolicies, in the shape of each: which hooks, in which order, with which marks. Scripts take the node's number as <c>$1</c>.</summary>
internal static class PolicyEngineRules
{
    private static readonly (AddressFamily Family, string Prefix, string Services)[] Families = [(AddressFamily.InterNetwork, "iptables", "10.96.0.0/12"), (AddressFamily.InterNetworkV6, "ip6tables", "fd96::/108")];

    /// <summary>
    /// kube-router's: a chain for each pod, entered by its address from FORWARD, and for its own sake from INPUT (what it sends) and OUTPUT (what it gets); 0x10000 stands for allowed by a policy, 0x20000 for allowed by
    /// all that were asked.
    /// </summary>
    /// <param name="policies">One for each pod of both nodes.</param>
    /// <param name="variant"><c>legacy</c> or <c>nft</c>.</param>
    public static string KubeRouter(IReadOnlyList<PodPolicy> policies, string variant) => ForNodes(policies, local => string.Concat(Families.Select(f => $"""
        {f.Prefix}-{variant}-restore <<'END'
        *filter
        :KUBE-ROUTER-INPUT - [0:0]
        :KUBE-ROUTER-FORWARD - [0:0]
        :KUBE-ROUTER-OUTPUT - [0:0]
        {Lines(local, p => $":KUBE-POD-FW-{p.Pod.Name} - [0:0]\n:KUBE-NWPLCY-{p.Pod.Name}-in - [0:0]\n:KUBE-NWPLCY-{p.Pod.Name}-out - [0:0]")}
        -A INPUT -m comment --comment "kube-router netpol" -j KUBE-ROUTER-INPUT
        -A FORWARD -m comment --comment "kube-router netpol" -j KUBE-ROUTER-FORWARD
        -A OUTPUT -m comment --comment "kube-router netpol" -j KUBE-ROUTER-OUTPUT
        -A KUBE-ROUTER-INPUT -d {f.Services} -j RETURN
        -A KUBE-ROUTER-INPUT -p tcp -m addrtype --dst-type LOCAL -m multiport --dports 30000:32767 -j RETURN
        {Lines(local, p => $"""
            -A KUBE-ROUTER-INPUT -s {p.Pod.AddressOf(f.Family)} -j KUBE-POD-FW-{p.Pod.Name}
            {Lines(["FORWARD", "OUTPUT"], hook => $"-A KUBE-ROUTER-{hook} -d {p.Pod.AddressOf(f.Family)} -j KUBE-POD-FW-{p.Pod.Name}\n-A KUBE-ROUTER-{hook} -s {p.Pod.AddressOf(f.Family)} -j KUBE-POD-FW-{p.Pod.Name}")}
            -A KUBE-POD-FW-{p.Pod.Name} -m conntrack --ctstate INVALID -j DROP
            -A KUBE-POD-FW-{p.Pod.Name} -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
            -A KUBE-POD-FW-{p.Pod.Name} -m addrtype --src-type LOCAL -d {p.Pod.AddressOf(f.Family)} -j ACCEPT
            {Neighbours($"KUBE-POD-FW-{p.Pod.Name}", f.Family)}
            -A KUBE-POD-FW-{p.Pod.Name} -d {p.Pod.AddressOf(f.Family)} -j KUBE-NWPLCY-{p.Pod.Name}-in
            -A KUBE-POD-FW-{p.Pod.Name} -s {p.Pod.AddressOf(f.Family)} -j KUBE-NWPLCY-{p.Pod.Name}-out
            -A KUBE-POD-FW-{p.Pod.Name} -m mark ! --mark 0x10000/0x10000 -j REJECT
            -A KUBE-POD-FW-{p.Pod.Name} -j MARK --set-xmark 0x0/0x10000
            -A KUBE-POD-FW-{p.Pod.Name} -j MARK --set-xmark 0x20000/0x20000
            {Allowed($"KUBE-NWPLCY-{p.Pod.Name}-in", "-s", p.From, f.Family)}
            {Allowed($"KUBE-NWPLCY-{p.Pod.Name}-out", "-d", p.To, f.Family)}
            """)}
        {Lines(["INPUT", "FORWARD", "OUTPUT"], hook => $"-A KUBE-ROUTER-{hook} -m mark --mark 0x20000/0x20000 -j ACCEPT")}
        COMMIT
        END

        """)));

    /// <summary>
    /// Calico's, with its marks of 0xffff0000: chains for each pod, entered by its interface from FORWARD and, for what it sends to the node, from INPUT; OUTPUT leaves alone what goes to pods. In table raw each packet's
    /// marks are cleared, and a pod's source has to be its own by the reverse path of its mark.
    /// </summary>
    /// <inheritdoc cref="KubeRouter"/>
    public static string Calico(IReadOnlyList<PodPolicy> policies, string variant) => ForNodes(policies, local => string.Concat(Families.Select(f => $"""
        {f.Prefix}-{variant}-restore <<'END'
        *raw
        :cali-PREROUTING - [0:0]
        -A PREROUTING -j cali-PREROUTING
        -A cali-PREROUTING -j MARK --set-xmark 0x0/0xf0000
        -A cali-PREROUTING -i cv+ -j MARK --set-xmark 0x40000/0x40000
        -A cali-PREROUTING -m mark --mark 0x40000/0x40000 -m rpfilter --validmark --invert -j DROP
        COMMIT
        *filter
        {Lines(["INPUT", "FORWARD", "OUTPUT", "wl-to-host", "from-wl-dispatch", "to-wl-dispatch"], c => $":cali-{c} - [0:0]")}
        {Lines(local, p => $":cali-fw-{p.Pod.Name} - [0:0]\n:cali-tw-{p.Pod.Name} - [0:0]\n:cali-po-{p.Pod.Name} - [0:0]\n:cali-pi-{p.Pod.Name} - [0:0]")}
        {Lines(["INPUT", "FORWARD", "OUTPUT"], hook => $"-A {hook} -j cali-{hook}")}
        -A FORWARD -m mark --mark 0x10000/0x10000 -j ACCEPT
        -A cali-FORWARD -j MARK --set-xmark 0x0/0xe0000
        -A cali-FORWARD -i cv+ -j cali-from-wl-dispatch
        -A cali-FORWARD -o cv+ -j cali-to-wl-dispatch
        -A cali-INPUT -i cv+ -g cali-wl-to-host
        -A cali-INPUT -m mark --mark 0x10000/0x10000 -j ACCEPT
        {Neighbours("cali-wl-to-host", f.Family)}
        -A cali-wl-to-host -j cali-from-wl-dispatch
        -A cali-wl-to-host -j ACCEPT
        -A cali-OUTPUT -m mark --mark 0x10000/0x10000 -j ACCEPT
        -A cali-OUTPUT -o cv+ -j RETURN
        {Lines(local, p => $"-A cali-from-wl-dispatch -i {p.Pod.HostInterface} -g cali-fw-{p.Pod.Name}\n-A cali-to-wl-dispatch -o {p.Pod.HostInterface} -g cali-tw-{p.Pod.Name}")}
        -A cali-from-wl-dispatch -j DROP
        -A cali-to-wl-dispatch -j DROP
        {Lines(local, p => $"""
            {Lines([("fw", "po"), ("tw", "pi")], c => $"""
                -A cali-{c.Item1}-{p.Pod.Name} -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
                -A cali-{c.Item1}-{p.Pod.Name} -m conntrack --ctstate INVALID -j DROP
                -A cali-{c.Item1}-{p.Pod.Name} -j MARK --set-xmark 0x0/0x30000
                -A cali-{c.Item1}-{p.Pod.Name} -j cali-{c.Item2}-{p.Pod.Name}
                -A cali-{c.Item1}-{p.Pod.Name} -m mark --mark 0x10000/0x10000 -j RETURN
                -A cali-{c.Item1}-{p.Pod.Name} -j DROP
                """)}
            {Allowed($"cali-po-{p.Pod.Name}", "-d", p.To, f.Family)}
            {Allowed($"cali-pi-{p.Pod.Name}", "-s", p.From, f.Family)}
            """)}
        COMMIT
        END

        """)));

    private static string ForNodes(IReadOnlyList<PodPolicy> policies, Func<IReadOnlyList<PodPolicy>, string> rules) => $"""
        case $1 in
        {Lines(policies.GroupBy(p => p.Pod.Node.Index), n => $"{n.Key})\n{rules([.. n])};;")}
        esac
        """;

    // Without neighbour discovery nobody of IPv6 is reached.
    private static string Neighbours(string chain, AddressFamily family) => family == AddressFamily.InterNetwork
        ? ""
        : Lines(["router-solicitation", "neighbour-solicitation", "neighbour-advertisement"], type => $"-A {chain} -p ipv6-icmp -m icmp6 --icmpv6-type {type} -j ACCEPT");

    // Marks what one of the peers is an end of; everything, where nothing isolates the pod.
    private static string Allowed(string chain, string end, IReadOnlyList<LabPod>? peers, AddressFamily family) => peers is null
        ? $"-A {chain} -j MARK --set-xmark 0x10000/0x10000"
        : Lines(peers, peer => $"-A {chain} {end} {peer.AddressOf(family)} -j MARK --set-xmark 0x10000/0x10000");

    private static string Lines<T>(IEnumerable<T> of, Func<T, string> line) => string.Join('\n', of.Select(line));
}
