using Culvert.Core;
using Culvert.Http2;
using Culvert.Interop.Sockets;
using Culvert.NodeAgent.Proxy.Http;
using Culvert.NodeAgent.Proxy.Limits;
using Culvert.NodeAgent.Proxy.Model;
using Culvert.NodeAgent.Proxy.Transport;
using Culvert.NodeAgent.Tests.Proxy.Transport;
using Culvert.NodeAgent.Tests.Telemetry.Requests;

namespace Culvert.NodeAgent.Tests.Proxy.Http;

/// <summary>What a request of HTTP/1.1 costs in memory that has to be collected: nothing, once its connection has had a few.</summary>
public sealed class HttpAllocationTests : IRequestObserver, IAsyncDisposable
{
    private const long OfAsking = 4096;
    private const int Exchanges = 2_000;

    private readonly TransportLab _lab = new();
    private readonly SocketPair _client = new();
    private readonly SocketPair _server = new();
    private readonly byte[] _room = new byte[4096];
    private IRequestObserver? _noting;
    private int _answered;
    private Task _running = Task.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        _client.Second.Dispose(); // the others are the relay's
        await _running.WaitAsync(TimeSpan.FromSeconds(20));
        await _lab.DisposeAsync();
        _server.Second.Dispose();
    }

    [Fact]
    public async Task RequestsOfAConnectionAllocateNothing()
    {
        await StartAsync();
        Exchange(100);
        long least = long.MaxValue;
        int rounds = 0;
        for (; rounds < 4 && least > OfAsking; rounds++)
        {
            // A collection meanwhile counts the rest of what the loop was given to allocate from.
            long before = await AllocatedAsync();
            Exchange(Exchanges);
            least = Math.Min(least, await AllocatedAsync() - before);
        }

        Assert.InRange(least, 0, OfAsking);
        Assert.Equal(100 + (rounds * Exchanges), _answered);
    }

    [Fact]
    public async Task RequestsThatAreNotedUseRecordsAgain()
    {
        using RequestLab noting = new(RequestLab.All with { Headers = ["accept"] });
        _noting = noting.Observe(new ProxyConnectionInfo { Source = TransportLab.ClientAddress, Destination = TransportLab.ServerAddress, Target = TransportLab.ServerAddress });
        await StartAsync();
        long least = long.MaxValue;
        int rounds = 0;
        for (; rounds < 10 && least > 100; rounds++)
        {
            // Beside other programs the writer may look later than before, which takes more records: those are there the next time.
            long before = await AllocatedAsync();
            Exchange(Exchanges);
            least = Math.Min(least, (await AllocatedAsync() - before) / Exchanges);
        }

        Assert.InRange(least, 0, 100); // what one record more, or a longer queue, now and then takes: a record and its text have many times that
        Assert.Equal(rounds * Exchanges, _answered);
    }

    private async Task StartAsync() => await _lab.OnLoopAsync(() =>
    {
        FakeMesh mesh = new() { Rules = GateLab.Rules(PolicyAction.Allow, new RequestConditions { Headers = [new HeaderCondition { Name = "x" }] }, GateLab.Paths("/b/*", "/{*}")) };
        RequestGate gate = new GateLab(mesh, "http").Gate;
        LoopSocket client = new(_lab.Loop, _client.First, connected: true), server = new(_lab.Loop, _server.First, connected: true);
        Http1Relay relay = new(client, server, BudgetHolder.Of(TransportLab.ClientAddress), BudgetHolder.Of(TransportLab.ServerAddress), gate, new HttpOptions(), this, TimeProvider.System);
        _running = relay.RunAsync().AsTask();
        return true;
    });

    // An assertion would allocate.
    IRequestRecord? IRequestObserver.Begin(HeaderList request, string protocol, int loop) => _noting?.Begin(request, protocol, loop);

    void IRequestObserver.OnRequestEnded(in RequestEnd end, IRequestRecord? record)
    {
        _answered += end.Status == 200 ? 1 : 0;
        _noting?.OnRequestEnded(end, record);
    }

    void IRequestObserver.OnRetried(RetryOutcome outcome)
    {
        // Nothing is.
    }

    void IRequestObserver.OnHedged(HedgeOutcome outcome)
    {
        // Nothing is.
    }

    private Task<long> AllocatedAsync() => _lab.OnLoopAsync(GC.GetAllocatedBytesForCurrentThread);

    private void Exchange(int count)
    {
        for (int i = 0; i < count; i++)
        {
            Pass("POST /a?b=c HTTP/1.1\r\nhost: shop\r\naccept: */*\r\ncontent-length: 3\r\n\r\nabc"u8, _client.Second, _server.Second);
            Pass("HTTP/1.1 200 OK\r\nserver: x\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"u8, _server.Second, _client.Second);
        }
    }

    // Written anew it is what it was.
    private void Pass(ReadOnlySpan<byte> message, SocketHandle from, SocketHandle to)
    {
        Assert.Equal(message.Length, from.Send(message).Count);
        int received = 0;
        for (SpinWait wait = default; received < message.Length; wait.SpinOnce())
        {
            IoResult result = to.Receive(_room.AsSpan(received));
            if (result.Count > 0) received += result.Count;
            else Assert.True(result.WouldBlock);
        }

        Assert.True(message.SequenceEqual(_room.AsSpan(0, received)));
    }
}
