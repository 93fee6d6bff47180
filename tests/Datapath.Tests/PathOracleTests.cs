using System.Net;
using Culvert.Core;
using Culvert.Datapath.Tests.Support;
using Culvert.Interop.Abi;

namespace Culvert.Datapath.Tests;

/// <summary>The kernel's programs take the paths that <see cref="PathOracle"/> says, as far as <see cref="PolicyEvaluator"/> allows, in random worlds whose tables the agent's own builder has made.</summary>
public sealed class PathOracleTests(World world) : IClassFixture<World>
{
    private const int WorldCount = 60;
    private const int PacketsPerWorld = 150;
    private const uint ElsewhereIndex = 99;

    /// <summary>Seeds, and how many of the three pods are captured inside their network namespaces.</summary>
    public static TheoryData<int, int> Worlds => new() { { 1, 0 }, { 2, 0 }, { 3, 0 }, { 4, 1 }, { 5, 2 }, { 6, 3 }, { 7, 3 } };

    [Theory, MemberData(nameof(Worlds))]
    public void The_first_packet_out_of_a_pod_takes_the_path_of_the_oracle(int seed, int inside)
    {
        Dictionary<string, int> seen = Compare(seed, inside, (mesh, random) =>
        {
            (Workload pod, IPEndPoint from, IPEndPoint to, TransportProtocol protocol) = mesh.OutOfPod(random);
            return ($"{protocol} {from} to {to}", mesh.OfLeaving(pod, from, to, protocol), world.FromPod(pod, First(from, to, protocol)));
        });
        // Of two pods of which one is inside none reaches the other by itself; what comes to either the proxy asks policy of.
        bool isDirect = inside < 2;
        Assert.All(Enum.GetValues<PathKind>().Where(k => isDirect || k != PathKind.Direct), kind => Assert.InRange(seen.GetValueOrDefault(kind.ToString()), isDirect ? 100 : 50, int.MaxValue));
        if (!isDirect) Assert.Equal(0, seen.GetValueOrDefault(nameof(PathKind.Direct)));
        CvReason[] reasons = isDirect ? [CvReason.NetworkPolicyIngress, CvReason.NetworkPolicyEgress, CvReason.PolicyDeny, CvReason.PolicyNoAllow, CvReason.PolicyDefault] : [CvReason.NetworkPolicyEgress];
        Assert.All(reasons, reason => Assert.InRange(seen.GetValueOrDefault(reason.ToString()), inside == 0 ? 25 : 5, int.MaxValue));
    }

    [Theory, MemberData(nameof(Worlds))]
    public void The_first_packet_from_outside_takes_the_path_of_the_oracle(int seed, int inside)
    {
        Dictionary<string, int> seen = Compare(seed, inside, (mesh, random) =>
        {
            (Workload pod, IPEndPoint from, IPEndPoint to, TransportProtocol protocol) = mesh.FromOutside(random);
            Packet first = First(from, to, protocol);
            Outcome outcome = world.Run(Hook.FromNet, first, world.A.Index); // by any link: where is nothing that it asks for
            if (pod.Space != 0) Assert.Equal(Outcome.Ok, outcome.Passed().Code); // on the node all is for others
            if (outcome is { Code: Outcome.Ok, Drops: [] }) outcome = world.ToPod(pod, first, ingress: ElsewhereIndex); // routed there
            return ($"{protocol} {from} to {to}", mesh.OfArriving(from, to, protocol), outcome);
        });
        Assert.All([PathKind.Pass, PathKind.Proxy, PathKind.Drop], kind => Assert.InRange(seen.GetValueOrDefault(kind.ToString()), 100, int.MaxValue));
        Assert.All(
            [CvReason.SpoofedSource, CvReason.StrictMtls, CvReason.NetworkPolicyIngress, CvReason.PolicyDeny, CvReason.PolicyNoAllow, CvReason.PolicyDefault],
            reason => Assert.InRange(seen.GetValueOrDefault(reason.ToString()), 25, int.MaxValue));
    }

    private Dictionary<string, int> Compare(int seed, int inside, Func<RoutingWorld, Random, (string Connection, RoutingWorld.Fate Fate, Outcome Outcome)> connect)
    {
        Random random = new(seed);
        Dictionary<string, int> seen = [];
        Workload[] pods = [.. world.Pods.Select((p, i) => i < inside ? p.Inside((ushort)(i + 1)) : p)];
        for (uint generation = 1; generation <= WorldCount; generation++)
        {
            world.Maps.Clear();
            RoutingWorld mesh = RoutingWorld.Create(pods, random);
            mesh.Write(world, generation, new PolicyIds());
            world.Maps.Activate(generation);
            for (int i = 0; i < PacketsPerWorld; i++)
            {
                world.Maps.Flows.Clear();
                world.Maps.Sessions.Clear();
                (string connection, RoutingWorld.Fate fate, Outcome outcome) = connect(mesh, random);
                Assert.True(
                    Expected(fate) == Seen(outcome),
                    $"seed {seed} world {generation}: {connection} should go {fate.Path} ({fate.Reason}); code {outcome.Code}, dropped for [{string.Join(' ', outcome.Drops)}]\n{mesh}");
                seen[fate.Path.ToString()] = seen.GetValueOrDefault(fate.Path.ToString()) + 1;
                if (fate.Path == PathKind.Drop) seen[fate.Reason] = seen.GetValueOrDefault(fate.Reason) + 1;
            }
        }
        return seen;
    }

    private static Packet First(IPEndPoint from, IPEndPoint to, TransportProtocol protocol) =>
        protocol == TransportProtocol.Tcp ? Packet.OfTcp(from, to, TcpFlags.Syn) : Packet.OfUdp(from, to);

    // Nothing listens here: what should go to the proxy is refused for that.
    private static string Expected(RoutingWorld.Fate fate) => fate.Path switch
    {
        PathKind.Direct or PathKind.Pass => $"{fate.Path}",
        PathKind.Proxy or PathKind.Tunnel => $"{CvReason.ProxyDown}",
        _ => fate.Reason,
    };

    private static string Seen(Outcome outcome) => outcome switch
    {
        { Drops: [var reason] } => $"{reason}",
        { Drops: [], Code: Outcome.Redirect } => $"{PathKind.Direct}",
        { Drops: [], Code: Outcome.Ok } => $"{PathKind.Pass}",
        _ => $"code {outcome.Code}, dropped for [{string.Join(' ', outcome.Drops)}]",
    };
}
