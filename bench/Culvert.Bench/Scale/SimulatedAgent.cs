using System.Net;
using System.Security.Cryptography.X509Certificates;
using Culvert.Protocol;
using Culvert.Protocol.V1;
using Grpc.Core;
using Grpc.Net.Client;

namespace Culvert.Bench.Scale;

/// <summary>
/// One node's agent as the controller sees it: a certificate of its own, a connection of its own, hello, an ack for each response, and when the stream ends another one after a growing, random pause.
/// It keeps nothing of the world.
/// </summary>
/// <param name="number">Number of the node.</param>
/// <param name="events">Told of what happens.</param>
internal sealed class SimulatedAgent(int number, IAgentEvents events)
{
    // As agents have them.
    private static readonly TimeSpan FirstRetry = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan LongestRetry = TimeSpan.FromSeconds(30);

    private readonly string _node = ScaleShape.Node(number);
    private readonly string _instance = Guid.NewGuid().ToString("n");

    /// <summary>Follows the controller until stopped.</summary>
    /// <param name="controller">Where the controller is.</param>
    /// <param name="roots">What its certificate leads to.</param>
    /// <param name="identity">The node's certificate.</param>
    /// <param name="stop">Stops it.</param>
    public async Task RunAsync(IPEndPoint controller, X509Certificate2Collection roots, SslClientIdentity identity, CancellationToken stop)
    {
        using GrpcChannel channel = AgentChannel.Create(controller, ScaleShape.AgentAddress(number), roots, identity, events.Received);
        for (int failures = 0; !stop.IsCancellationRequested; failures++)
        {
            try
            {
                await StreamAsync(channel.CreateCallInvoker(), () => failures = 0, stop);
            }
            catch (Exception e) when (stop.IsCancellationRequested && e is OperationCanceledException or RpcException)
            {
                return;
            }
            catch (RpcException e)
            {
                events.Failed(_node, CallFailure.Describe(e));
            }
            double longest = Math.Min(LongestRetry.TotalMilliseconds, FirstRetry.TotalMilliseconds * Math.Pow(2, Math.Min(failures, 16)));
            await Task.Delay(TimeSpan.FromMilliseconds(longest * (0.5 + (0.5 * Random.Shared.NextDouble()))), stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task StreamAsync(CallInvoker controller, Action connected, CancellationToken stop)
    {
        using AsyncDuplexStreamingCall<SnapshotRequest, ReceivedSnapshot> call = controller.AsyncDuplexStreamingCall(ReceivedSnapshot.Stream, null, new CallOptions(cancellationToken: stop));
        await call.RequestStream.WriteAsync(new SnapshotRequest { Hello = new Hello { Node = _node, AgentVersion = "bench", Instance = _instance } }, stop);
        while (await call.ResponseStream.MoveNext(stop))
        {
            ReceivedSnapshot received = call.ResponseStream.Current;
            await call.RequestStream.WriteAsync(new SnapshotRequest { Ack = new Ack { Version = received.Version } }, stop);
            connected();
            events.Acked(_node, received);
        }
        events.Failed(_node, "the controller ended the stream");
    }
}
