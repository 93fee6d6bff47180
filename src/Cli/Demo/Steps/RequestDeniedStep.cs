using System.Globalization;
using System.Net;
using Culvert.Labs;
using Culvert.Labs.Mesh;
using Culvert.Protocol.V1;

namespace Culvert.Cli.Demo.Steps;

/// <summary>A policy about requests lets some pass and answers others, on one node and between nodes.</summary>
internal sealed class RequestDeniedStep : IDemoStep
{
    private const string Policy = "no-admin", ServiceName = "web-http";
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(10);

    public string Name => "denied-requests";

    public string Title => "A policy about paths: what it forbids is answered 403, with the policy";

    public async Task<string> RunAsync(DemoWorld world, CancellationToken cancellationToken)
    {
        try
        {
            world.Mesh.Objects.Write(ServiceName, MeshObjects.Speaking(MeshObjects.Service(ServiceName, "web", 80, DemoWorld.Port, "10.96.0.11", "fd96::11"), "http"));
            world.Mesh.Objects.Write(Policy, Deny);
            string reason = "";
            foreach (LabPod server in new[] { world.Near, world.Far }) reason = await RequireDeniedAsync(world, server, cancellationToken);
            Flow flow = await world.Node2.WaitForFlowAsync("the refused request", f => f.Event == FlowEvent.RequestDenied, cancellationToken);
            return $"curl of /: 200; of /admin and of /x/..%2fadmin: 403 and 400 on the same node and between nodes, {reason}; node2: {flow.Reason} of {flow.Request}";
        }
        finally
        {
            world.Mesh.Objects.Remove(Policy);
            world.Mesh.Objects.Remove(ServiceName);
            await world.WaitForKernelPathAsync(cancellationToken);
        }
    }

    private static async Task<string> RequireDeniedAsync(DemoWorld world, LabPod server, CancellationToken cancellationToken)
    {
        string answer = "";
        await LabWait.UntilAsync(
            $"/admin of {server.Name} is refused",
            async () => (answer = await AskAsync(world.Client, server.Address4, "/admin", cancellationToken)).StartsWith("HTTP/1.1 403 ", StringComparison.Ordinal),
            Deadline,
            null,
            cancellationToken);
        DemoFailedException.ThrowUnless((await AskAsync(world.Client, server.Address4, "/", cancellationToken)).StartsWith("HTTP/1.1 200 ", StringComparison.Ordinal), $"/ of {server.Name} is refused, too");
        DemoFailedException.ThrowUnless((await AskAsync(world.Client, server.Address6, "/x/..%2fadmin", cancellationToken)).StartsWith("HTTP/1.1 400 ", StringComparison.Ordinal), $"/x/..%2fadmin of {server.Name} passed");
        return answer.Split('\n').FirstOrDefault(l => l.StartsWith("proxy-status", StringComparison.Ordinal))?.Trim() ?? throw new DemoFailedException($"no proxy-status in '{answer.Trim()}'");
    }

    private static async Task<string> AskAsync(LabPod from, IPAddress to, string path, CancellationToken cancellationToken) => (await from.RunAsync(
        "curl", ["-sS", "-g", "-i", "--path-as-is", "--max-time", (5 * LabWait.Patience).ToString(CultureInfo.InvariantCulture), DemoWorld.Url(to, DemoWorld.Port, path)], null, null, cancellationToken)).Output;

    private static string Deny => $$"""
        apiVersion: culvert.dev/v1alpha1
        kind: AuthorizationPolicy
        metadata:
          name: {{Policy}}
          namespace: {{MeshObjects.Namespace}}
        spec:
          selector:
            matchLabels:
              app: web
          action: DENY
          rules:
            - to: [{ports: [{{DemoWorld.Port}}], paths: [/admin, "/admin/*"]}]

        """;
}
