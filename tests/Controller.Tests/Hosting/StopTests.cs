using Culvert.Protocol.V1;
using Grpc.Core;

namespace Culvert.Controller.Tests;

/// <summary>A controller that stops.</summary>
public sealed class StopTests
{
    [Fact]
    public async Task AnAgentIsToldThatTheControllerStops()
    {
        await using Running running = await Running.StartAsync();
        using FakeAgent agent = FakeAgent.OverSocket(running.Socket, "node-1");
        await agent.OpenAsync();
        _ = await agent.NextAsync();

        // A server that goes before it has read the acknowledgement has its socket reset the connection, and the status may be lost by that.
        await running.StatusAsync("node-1", s => s.AckedVersion > 0);
        Task<SnapshotResponse> next = agent.ReceiveAsync();

        await running.Host.DisposeAsync();

        RpcException end = await Assert.ThrowsAsync<RpcException>(() => next);
        Assert.Equal((StatusCode.Unavailable, "The server is shutting down."), (end.StatusCode, end.Status.Detail));
    }
}
