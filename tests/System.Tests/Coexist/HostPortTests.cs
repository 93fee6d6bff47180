using System.Net;
using System.Net.Sockets;
using Culvert.Labs;

namespace Culvert.SystemTests.Coexist;

/// <summary>Ports of nodes that lead to pods, by the rules of the CNI's portmap plugin: who reached a pod by them before reaches it in the mesh.</summary>
public sealed class HostPortTests
{
    private const int ToEnrolled = 18080, ToPlain = 18081, Readiness = 15021, Tunnel = 15008;

    // As flannel and the bridge plugin have it: what leaves the pods' network does so as the node.
    private const string Masquerade = """
        iptables-nft -t nat -A POSTROUTING -s 10.91.0.0/16 ! -d 10.91.0.0/16 -j MASQUERADE --random-fully
        ip6tables-nft -t nat -A POSTROUTING -s fd91::/16 ! -d fd91::/16 -j MASQUERADE --random-fully
        """;

    [Theory]
    [InlineData("legacy", true)]
    [InlineData("nft", false)]
    public async Task Who_reached_a_pod_by_a_port_of_its_node_still_does_but_for_what_comes_as_the_mesh(string variant, bool masqueraded)
    {
        await using var lab = await CoexistLab.CreateAsync();
        (LabPod Pod, int Port)[] mapped = [(lab.Near, ToEnrolled), (lab.Plain, ToPlain), (lab.Far, ToEnrolled), (lab.Outer, ToPlain)];
        await lab.ApplyAsync(Rules(mapped, variant));
        if (masqueraded) await lab.ApplyAsync(Masquerade);
        LabPod[] clients = [lab.Client, lab.Far, lab.Plain, lab.Outer];

        // Without masquerade these come from another node with an address of the mesh, in plaintext: anybody could have sent that (SpoofedSourceAttackTests).
        Probe[] spoofed = masqueraded ? [] : [.. To(lab.Client, lab.Far, ToEnrolled), .. To(lab.Far, lab.Near, ToEnrolled)];
        Probe[] all = [.. clients.SelectMany(c => mapped.SelectMany(m => To(c, m.Pod, m.Port))), .. lab.PodToPod()];
        await CoexistLab.AssertAsync("before pods are enrolled", all);
        await lab.EnrolAsync();
        await CoexistLab.AssertAsync("with pods enrolled", all, spoofed);
        await lab.AssertMeshedAsync();
        var refused = await SpoofedAsync(lab);
        Assert.Equal(masqueraded, refused == 0);
        await lab.RestartAsync();
        await CoexistLab.AssertAsync("after a restart of the agents", all, spoofed);
        await lab.RemoveAsync();
        await CoexistLab.AssertAsync("after the mesh was removed", all);
    }

    /// <summary>A pod may ask for any port of its host, and a Service for any address as an external one, which portmap and kube-proxy translate then.</summary>
    [Theory]
    [Trait("Category", "Attack")]
    [InlineData("legacy")]
    [InlineData("nft")]
    public async Task Who_claims_the_agents_ports_or_others_addresses_gets_neither_probes_nor_tunnels(string variant)
    {
        await using var lab = await CoexistLab.CreateAsync();
        await lab.EnrolAsync();
        var plain = lab.Plain.AddressOf(AddressFamily.InterNetwork);
        var claims = new[] { $"-m addrtype --dst-type LOCAL -p tcp --dport {Readiness}", $"-d {lab.Far.AddressOf(AddressFamily.InterNetwork)} -p tcp --dport {Tunnel}" };
        await lab.ApplyAsync(string.Join('\n', claims.SelectMany(c => ((string[])["PREROUTING", "OUTPUT"]).Select(h => $"iptables-{variant} -t nat -A {h} {c} -j DNAT --to-destination {plain}:{CoexistLab.Port}"))));

        await lab.RestartAsync(); // no tunnel is from before
        await CoexistLab.AssertAsync("beside who claims them", [.. lab.PodToPod()]);
        await lab.AssertMeshedAsync();
        foreach (var node in lab.Mesh.Nodes) await node.WaitReadyAsync();
    }

    private static async Task<double> SpoofedAsync(CoexistLab lab)
    {
        var sum = 0.0;
        foreach (var node in lab.Mesh.Nodes) sum += (await node.MetricsAsync()).Sum("culvert_drops_total", "reason=\"spoofed-source\"");
        return sum;
    }

    private static readonly string[] Protocols = ["tcp", "udp"];
    private static readonly (AddressFamily Family, string Prefix, string Loopback)[] Families = [(AddressFamily.InterNetwork, "iptables", "127.0.0.1"), (AddressFamily.InterNetworkV6, "ip6tables", "::1")];

    private static IEnumerable<Probe> To(LabPod from, LabPod to, int port) => CoexistLab.InBothFamilies($"{from} to {to} at a port of {to.Node}", from, to.Node.AddressOf, port);

    // Masqueraded is only what a pod sends to itself, and what the node sends from its loopback address.
    private static string Rules(IEnumerable<(LabPod Pod, int Port)> mapped, string variant) => Lines(mapped.GroupBy(m => m.Pod.Node.Index), node => $"""
        if [ "$1" = {node.Key} ]; then
        {Lines(Families, f => $"""
            {f.Prefix}-{variant}-restore <<'END'
            *nat
            :CNI-HOSTPORT-DNAT - [0:0]
            :CNI-HOSTPORT-MASQ - [0:0]
            :CNI-HOSTPORT-SETMARK - [0:0]
            {Lines(node, m => $":CNI-DN-{m.Pod} - [0:0]")}
            -A PREROUTING -m addrtype --dst-type LOCAL -j CNI-HOSTPORT-DNAT
            -A OUTPUT -m addrtype --dst-type LOCAL -j CNI-HOSTPORT-DNAT
            -A POSTROUTING -m comment --comment "CNI portfwd requiring masquerade" -j CNI-HOSTPORT-MASQ
            -A CNI-HOSTPORT-MASQ -m mark --mark 0x2000/0x2000 -j MASQUERADE
            -A CNI-HOSTPORT-SETMARK -m comment --comment "CNI portfwd masquerade mark" -j MARK --set-xmark 0x2000/0x2000
            {Lines(node.SelectMany(_ => Protocols, (m, p) => (m.Pod, m.Port, Protocol: p)), m => $"""
                -A CNI-HOSTPORT-DNAT -p {m.Protocol} -m multiport --dports {m.Port} -j CNI-DN-{m.Pod}
                -A CNI-DN-{m.Pod} -s {m.Pod.AddressOf(f.Family)} -p {m.Protocol} -m {m.Protocol} --dport {m.Port} -j CNI-HOSTPORT-SETMARK
                -A CNI-DN-{m.Pod} -s {f.Loopback} -p {m.Protocol} -m {m.Protocol} --dport {m.Port} -j CNI-HOSTPORT-SETMARK
                -A CNI-DN-{m.Pod} -p {m.Protocol} -m {m.Protocol} --dport {m.Port} -j DNAT --to-destination {new IPEndPoint(m.Pod.AddressOf(f.Family), CoexistLab.Port)}
                """)}
            COMMIT
            END
            """)}
        fi
        """);

    private static string Lines<T>(IEnumerable<T> of, Func<T, string> line) => string.Join('\n', of.Select(line));
}
