using Culvert.Labs.Mesh;
using Culvert.Protocol.V1;

namespace Culvert.Cli.Demo.Steps;

/// <summary>Datagrams that policy does not allow are dropped on both paths, and said why.</summary>
internal sealed class DatagramDeniedStep : IDemoStep
{
    public string Name => "udp-denied";

    public string Title => "UDP: a guest's datagrams are refused on both paths, with the reason";

    public async Task<string> RunAsync(DemoWorld world, CancellationToken cancellationToken)
    {
        var reasons = new List<string>();
        foreach (var (server, evaluator) in new[] { (world.Near, world.Node1), (world.Far, world.Node2) })
        {
            await DatagramServer.EnsureAsync(world, server, cancellationToken);
            var answer = await DatagramServer.AskAsync(world.Guest, server.Address4, cancellationToken);
            DemoFailedException.ThrowUnless(answer.Length == 0, $"the guest got an answer from {server}: {answer}");
            var flow = await evaluator.WaitForFlowAsync(
                $"the refusal of {world.Guest}'s datagram",
                f => f.Verdict == Verdict.Deny && f.Protocol == TransportProtocol.Udp && f.Source.Identity == MeshObjects.Identity("guest")
                    && f.Destination.WorkloadUid.EndsWith(server.Name, StringComparison.Ordinal),
                cancellationToken);
            var why = await evaluator.ExplainAsync(
                $"{MeshObjects.Namespace}/guest", $"{MeshObjects.Namespace}/{server.Name}", DatagramServer.Port, TransportProtocol.Udp, cancellationToken);
            DemoFailedException.ThrowUnless(why.Verdict == Verdict.Deny, "explain says that it is allowed");
            reasons.Add($"{evaluator.Name}: {flow.Reason}");
        }

        return $"no answer; {string.Join(", ", reasons)}; explain agrees";
    }
}
