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
        Task<SnapshotResponse> next = agent.ReceiveAsync();

        await running.Host.DisposeAsync();

        RpcException end = await Assert.ThrowsAsync<RpcException>(() => next);
        Assert.Equal("The server is shutting down.", end.Status.Detail);
        Assert.Equal(StatusCode.Unavailable, end.StatusCode);
    }
}
