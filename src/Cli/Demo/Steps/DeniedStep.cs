using Culvert.Labs.Mesh;
using Culvert.Protocol.V1;

namespace Culvert.Cli.Demo.Steps;

/// <summary>What policy does not allow is refused, and said why.</summary>
internal sealed class DeniedStep(bool sameNode) : IDemoStep
{
    public string Name => sameNode ? "denied-same-node" : "denied-between-nodes";

    public string Title => sameNode ? "Same node: a guest is refused, with the reason" : "Between nodes: a guest is refused, with the reason";

    public async Task<string> RunAsync(DemoWorld world, CancellationToken cancellationToken)
    {
        var server = sameNode ? world.Near : world.Far;
        var evaluator = sameNode ? world.Node1 : world.Node2;
        foreach (var address in new[] { server.Address4, server.Address6 })
        {
            var answer = await DemoWorld.CurlAsync(world.Guest, address, cancellationToken);
            DemoFailedException.ThrowUnless(!answer.Succeeded && answer.Output.Length == 0, $"the guest got an answer from {address}: {answer.Output.Trim()}");
        }

        var flow = await evaluator.WaitForFlowAsync(
            $"the refusal of {world.Guest}",
            f => f.Verdict == Verdict.Deny && f.Source.Identity == MeshObjects.Identity("guest") && f.Destination.WorkloadUid.EndsWith(server.Name, StringComparison.Ordinal),
            cancellationToken);
        var why = await evaluator.ExplainAsync($"{MeshObjects.Namespace}/guest", $"{MeshObjects.Namespace}/{server.Name}", DemoWorld.Port, TransportProtocol.Tcp, cancellationToken);
        DemoFailedException.ThrowUnless(why.Verdict == Verdict.Deny, "explain says that it is allowed");
        return $"curl over IPv4 and IPv6 refused; {evaluator.Name}: {flow.Reason}; explain: {why.Reason}, {string.Join("; ", why.Steps.TakeLast(1))}";
    }
}
