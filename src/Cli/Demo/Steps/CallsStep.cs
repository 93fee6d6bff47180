using Culvert.Labs;
using Culvert.Labs.Mesh;
using Culvert.Protocol.Demo.V1;
using Grpc.Core;
using Grpc.Net.Client;

namespace Culvert.Cli.Demo.Steps;

/// <summary>Calls of gRPC by one connection are shared out one by one between servers on both nodes, and a policy forbids a method.</summary>
internal sealed class CallsStep : IDemoStep
{
    private const string ServiceName = "greeter", Balancing = "greeter-balancing", Policy = "greeter-policy", Address = "10.96.0.16";
    private const int Calls = 100;
    private static readonly string[] Files = [Policy, Balancing, ServiceName];
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(10);

    public string Name => "grpc-calls";

    public string Title => "gRPC: calls of one connection shared out call by call, a method forbidden by name";

    public async Task<string> RunAsync(DemoWorld world, CancellationToken cancellationToken)
    {
        await using var near = await GreeterServer.StartAsync(world.Near, cancellationToken);
        await using var far = await GreeterServer.StartAsync(world.Far, cancellationToken);
        var connections = 0;
        using var channel = GrpcChannel.ForAddress($"http://{Address}", new GrpcChannelOptions { HttpHandler = world.Client.CreateHttpHandler(() => connections++), DisposeHttpClient = true });
        Greeter.GreeterClient greeter = new(channel);
        try
        {
            world.Mesh.Objects.Write(Balancing, TrafficPolicy);
            world.Mesh.Objects.Write(Policy, Deny);
            world.Mesh.Objects.Write(ServiceName, Service(world));
            await LabWait.UntilAsync("calls are answered", async () => (await StatusAsync(greeter.GreetAsync(new GreetRequest(), Options()))).StatusCode == StatusCode.OK, Deadline, null, cancellationToken);
            Status refusal = default;
            await LabWait.UntilAsync("the method is forbidden", async () => (refusal = await StatusAsync(greeter.AdministerAsync(new GreetRequest(), Options()))).StatusCode == StatusCode.PermissionDenied, Deadline, null, cancellationToken);
            var before = connections;
            Dictionary<string, int> answers = [];
            for (var i = 0; i < Calls; i++)
            {
                var server = (await greeter.GreetAsync(new GreetRequest(), Options())).Server;
                answers[server] = answers.GetValueOrDefault(server) + 1;
            }

            var (ofNear, ofFar) = (answers.GetValueOrDefault(world.Near.Name), answers.GetValueOrDefault(world.Far.Name));
            DemoFailedException.ThrowUnless(ofNear == Calls / 2 && ofFar == Calls / 2 && connections <= Math.Max(1, before), $"of {Calls} calls by {connections} connections {ofNear} were answered on the same node and {ofFar} on the other");
            return $"of {Calls} calls by one connection {ofNear} were answered on the same node and {ofFar} on the other; Greeter/Administer: {refusal.StatusCode}, {refusal.Detail}";
        }
        finally
        {
            foreach (var file in Files) world.Mesh.Objects.Remove(file);
            await world.WaitForKernelPathAsync(cancellationToken);
        }

        CallOptions Options() => new(deadline: DateTime.UtcNow + (5 * LabWait.Patience * TimeSpan.FromSeconds(1)), cancellationToken: cancellationToken);
    }

    private static async Task<Status> StatusAsync(AsyncUnaryCall<GreetResponse> started)
    {
        using var call = started;
        try
        {
            await call.ResponseAsync;
            return Status.DefaultSuccess;
        }
        catch (RpcException e)
        {
            return e.Status;
        }
    }

    private static string Service(DemoWorld world) => $$"""
        apiVersion: v1
        kind: Service
        metadata: {name: {{ServiceName}}, namespace: {{MeshObjects.Namespace}} }
        spec: {clusterIP: {{Address}}, ports: [{name: grpc, port: 80}]}
        ---
        apiVersion: discovery.k8s.io/v1
        kind: EndpointSlice
        metadata: {name: {{ServiceName}}, namespace: {{MeshObjects.Namespace}}, labels: {kubernetes.io/service-name: {{ServiceName}} } }
        addressType: IPv4
        endpoints: [{addresses: [{{world.Near.Address4}}]}, {addresses: [{{world.Far.Address4}}]}]
        ports: [{name: grpc, port: {{GreeterServer.Port}} }]

        """;

    private static string TrafficPolicy => $$"""
        apiVersion: culvert.dev/v1alpha1
        kind: TrafficPolicy
        metadata: {name: {{ServiceName}}, namespace: {{MeshObjects.Namespace}} }
        spec: {targetRef: {kind: Service, name: {{ServiceName}} }, requestBalancing: {mode: ROUND_ROBIN} }

        """;

    private static string Deny => $$"""
        apiVersion: culvert.dev/v1alpha1
        kind: AuthorizationPolicy
        metadata: {name: {{ServiceName}}-calls, namespace: {{MeshObjects.Namespace}} }
        spec:
          action: ALLOW
          rules: [{to: [{ports: [{{GreeterServer.Port}}]}]}]
        ---
        apiVersion: culvert.dev/v1alpha1
        kind: AuthorizationPolicy
        metadata: {name: {{ServiceName}}, namespace: {{MeshObjects.Namespace}} }
        spec:
          action: DENY
          rules: [{to: [{ports: [{{GreeterServer.Port}}], grpc: [{service: culvert.demo.v1.Greeter, method: Administer}]}]}]

        """;
}
