using System.Net;
using Culvert.Core;
using Culvert.Datapath.Tests.Support;
using Culvert.Interop.Abi;

namespace Culvert.Datapath.Tests;

/// <summary>The kernel's programs take the ways that <see cref="PathOracle"/> says, as far as <see cref="PolicyEvaluator"/> allows, in random worlds whose tables the agent's own builder has made.</summary>
public sealed class PathOracleTests(World world) : IClassFixture<World>
{
    private const int Worlds = 60;
    private const int PacketsPerWorld = 150;

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void The_first_packet_out_of_a_pod_takes_the_path_of_the_oracle(int seed)
    {
        Random random = new(seed);
        Dictionary<PathKind, int> seen = [];
        Dictionary<string, int> reasons = [];
        for (uint generation = 1; generation <= Worlds; generation++)
        {
            world.Maps.Clear();
            RoutingWorld mesh = RoutingWorld.Create(world, random);
            mesh.Write(world, generation);
            world.Maps.Activate(generation);
            for (int i = 0; i < PacketsPerWorld; i++)
            {
                (Workload pod, IPEndPoint from, IPEndPoint to, TransportProtocol protocol) = mesh.Connection(world, random);
                world.Maps.Flows.Clear();
                world.Maps.Sessions.Clear();
                Packet first = protocol == TransportProtocol.Tcp ? Packet.OfTcp(from, to, TcpFlags.Syn) : Packet.OfUdp(from, to);
                Outcome outcome = world.FromPod(pod, first);
                (PathKind kind, string reason) = mesh.FateOf(pod, from, to, protocol);
                Assert.True(
                    Expected(kind, reason) == Seen(outcome),
                    $"seed {seed} world {generation}: {protocol} {from} to {to} should go {kind} ({reason}); code {outcome.Code}, dropped for [{string.Join(' ', outcome.Drops)}]\n{mesh}");
                seen[kind] = seen.GetValueOrDefault(kind) + 1;
                reasons[reason] = reasons.GetValueOrDefault(reason) + 1;
            }
        }
        Assert.All(Enum.GetValues<PathKind>(), kind => Assert.InRange(seen.GetValueOrDefault(kind), 100, int.MaxValue));
        Assert.All([nameof(DecisionReason.NetworkPolicyIngress), nameof(DecisionReason.NetworkPolicyEgress)], reason => Assert.InRange(reasons.GetValueOrDefault(reason), 50, int.MaxValue));
    }

    // Nothing listens here: what should go to the proxy is refused for that.
    private static string Expected(PathKind kind, string reason) => kind switch
    {
        PathKind.Direct or PathKind.Pass => $"{kind}",
        PathKind.Proxy or PathKind.Tunnel => $"{CvReason.ProxyDown}",
        _ => reason,
    };

    private static string Seen(Outcome outcome) => outcome switch
    {
        { Drops: [var reason] } => $"{reason}",
        { Drops: [], Code: Outcome.Redirect } => $"{PathKind.Direct}",
        { Drops: [], Code: Outcome.Ok } => $"{PathKind.Pass}",
        _ => $"code {outcome.Code}, dropped for [{string.Join(' ', outcome.Drops)}]",
    };
}
