using Culvert.Labs.Mesh;
using Culvert.Protocol.V1;

namespace Culvert.Cli.Demo.Steps;

/// <summary>Both ends are known by name.</summary>
internal sealed class IdentityStep : IDemoStep
{
    public string Name => "identity";

    public string Title => "Both ends are proven by SPIFFE ID";

    public async Task<string> RunAsync(DemoWorld world, CancellationToken cancellationToken)
    {
        var client = MeshObjects.Identity("client");
        var web = MeshObjects.Identity("web");
        foreach (var node in new[] { world.Node1, world.Node2 })
        {
            await node.WaitForFlowAsync(
                $"a tunnelled flow from {client} to {web}",
                f => f.Path == FlowPath.Tunnel && f.Source.Identity == client && f.Destination.Identity == web,
                cancellationToken);
        }

        return $"agents of both nodes report {client} -> {web}";
    }
}
