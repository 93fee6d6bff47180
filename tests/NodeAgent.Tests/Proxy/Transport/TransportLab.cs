using System.Net;
using Culvert.Core;
using Culvert.Http2;
using Culvert.Interop.Sockets;
using Culvert.Interop.Tls;
using Culvert.NodeAgent.Proxy.Limits;
using Culvert.NodeAgent.Proxy.Loop;
using Culvert.NodeAgent.Proxy.Relay;
using Culvert.NodeAgent.Proxy.Transport;

namespace Culvert.NodeAgent.Tests.Proxy.Transport;

/// <summary>A loop with pairs of connected transports of every kind: what is sent on one comes out of the other. Made and used on any thread; the work runs on the loop.</summary>
internal sealed class TransportLab : IAsyncDisposable
{
    internal static readonly SocketEndPoint ClientAddress = new(IPAddress.Parse("10.0.0.1"), 4000);
    internal static readonly SocketEndPoint ServerAddress = new(IPAddress.Parse("10.0.0.2"), 80);

    private readonly FakeMesh _observer = new();
    private readonly TestAuthority _authority = new();
    private readonly List<Http2Driver> _drivers = [];
    private readonly List<ITransport> _transports = [];

    // Small windows and small buffers: a slow reader is felt soon.
    private readonly Http2Options _http2 = new() { StreamWindow = 128 * 1024, ConnectionWindow = 1 << 20 };

    internal TransportLab()
    {
        Loop = new EventLoop(0, new EventLoopOptions(), TimeProvider.System, _observer);
        Loop.Start();
    }

    internal EventLoop Loop { get; }

    /// <summary>Every pair of kinds, of client and server.</summary>
    public static TheoryData<TransportKind, TransportKind> Pairs
    {
        get
        {
            TheoryData<TransportKind, TransportKind> pairs = [];
            foreach (TransportKind client in Enum.GetValues<TransportKind>())
            {
                foreach (TransportKind server in Enum.GetValues<TransportKind>()) pairs.Add(client, server);
            }

            return pairs;
        }
    }

    /// <summary>Runs on the loop.</summary>
    internal Task<T> OnLoopAsync<T>(Func<T> work) => Loop.InvokeAsync(work).WaitAsync(TimeSpan.FromSeconds(30));

    /// <summary>Runs on the loop, with waits in between.</summary>
    internal async Task<T> OnLoopAsync<T>(Func<Task<T>> work) => await (await Loop.InvokeAsync(work)).WaitAsync(TimeSpan.FromSeconds(30));

    /// <summary>Makes two connected transports.</summary>
    /// <param name="kind">What of.</param>
    /// <param name="clientIsNear">For a stream: whether the near end has opened it.</param>
    internal async Task<(ITransport Near, FarEnd Far)> ConnectAsync(TransportKind kind, bool clientIsNear)
    {
        (ITransport opener, ITransport acceptor) = await OnLoopAsync(() => kind switch
        {
            TransportKind.Socket => Task.FromResult(Sockets()),
            TransportKind.Tls => TlsAsync(),
            TransportKind.Stream => StreamsAsync(),
            _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, "No such transport is made here."),
        });
        (ITransport near, ITransport far) = clientIsNear ? (opener, acceptor) : (acceptor, opener);
        return (near, new FarEnd(this, far));
    }

    /// <summary>A relay between two ends that are made for it, running.</summary>
    internal async Task<RelayUnderTest> RelayAsync(TransportKind client, TransportKind server)
    {
        (ITransport clientNear, FarEnd clientFar) = await ConnectAsync(client, clientIsNear: false);
        (ITransport serverNear, FarEnd serverFar) = await ConnectAsync(server, clientIsNear: true);
        return await StartAsync(clientNear, clientFar, serverNear, serverFar);
    }

    internal Task<RelayUnderTest> StartAsync(ITransport clientNear, FarEnd clientFar, ITransport serverNear, FarEnd serverFar) => OnLoopAsync(() =>
    {
        ByteRelay relay = new(clientNear, serverNear, BudgetHolder.Of(ClientAddress), BudgetHolder.Of(ServerAddress));
        return new RelayUnderTest(this, relay, clientFar, serverFar, relay.RunAsync().AsTask());
    });

    /// <summary>Two connected sockets; on the loop.</summary>
    internal (ITransport First, ITransport Second) Sockets()
    {
        SocketPair pair = new();
        foreach (SocketHandle handle in (SocketHandle[])[pair.First, pair.Second])
        {
            Assert.Equal(SocketErrno.None, handle.SetNoDelay());
            Assert.Equal(SocketErrno.None, handle.SetResetOnClose());
        }

        return Keep(new LoopSocket(Loop, pair.First, connected: true), new LoopSocket(Loop, pair.Second, connected: true));
    }

    private static BudgetHolder HolderOf(string account) => BudgetHolder.Of(SpiffeId.ForServiceAccount("culvert.test", "default", account));

    /// <summary>Two connected drivers over sockets in plaintext, running; on the loop.</summary>
    internal (Http2Driver Client, Http2Driver Server) Drivers(IHttp2Requests<Http2Driver> requests, (ITransport Client, ITransport Server)? over = null)
    {
        (ITransport first, ITransport second) = over ?? Sockets();
        Http2Driver client = new(first, requests: null, _http2, TimeSpan.FromMinutes(1), HolderOf("client"), TimeProvider.System);
        Http2Driver server = new(second, requests, _http2, TimeSpan.FromMinutes(1), HolderOf("server"), TimeProvider.System);
        _drivers.AddRange([client, server]);
        _ = client.RunAsync().AsTask();
        _ = server.RunAsync().AsTask();
        return (client, server);
    }

    /// <summary>Two ends of a TLS connection; on the loop.</summary>
    /// <param name="sockets">Gets the sockets below.</param>
    internal async Task<(ITransport First, ITransport Second)> TlsAsync(Action<SocketPair>? sockets = null)
    {
        SocketPair pair = new();
        sockets?.Invoke(pair);
        TestLeaf leaf = _authority.Issue(ProxyPair.Alice);
        TlsConnection client = TlsConnection.Create(_authority.Context(false, leaf), pair.First), server = TlsConnection.Create(_authority.Context(true, leaf), pair.Second);
        foreach (SocketHandle handle in (SocketHandle[])[pair.First, pair.Second]) Assert.Equal(SocketErrno.None, handle.SetNoDelay());
        bool clientDone = false, serverDone = false;
        while (!clientDone || !serverDone)
        {
            clientDone |= client.Handshake().Status == TlsStatus.Done;
            serverDone |= server.Handshake().Status == TlsStatus.Done;
        }

        await Loop.YieldAsync(new LoopSignal());
        return Keep(new TlsTransport(new LoopSocket(Loop, pair.First, connected: true), client), new TlsTransport(new LoopSocket(Loop, pair.Second, connected: true), server));
    }

    internal async Task<(ITransport Opener, ITransport Acceptor)> StreamsAsync((ITransport Client, ITransport Server)? over = null)
    {
        Acceptor acceptor = new();
        (Http2Driver client, _) = Drivers(acceptor, over);
        HeaderList headers = new();
        headers.Add(":method"u8, "CONNECT"u8).Add(":authority"u8, "10.0.0.2:80"u8);
        StreamTransport opener = new(client, client.Http2.OpenStream(headers, endStream: false, null)!);
        client.ScheduleFlush();
        await opener.Response.WaitAsync();
        return Keep(opener, acceptor.Accepted!);
    }

    public async ValueTask DisposeAsync()
    {
        await OnLoopAsync(() =>
        {
            foreach (ITransport transport in _transports) transport.Dispose();
            foreach (Http2Driver driver in _drivers) driver.Close();
            return true;
        });
        long rented = await OnLoopAsync(() => Loop.Buffers.RentedBytes);
        Loop.Dispose();
        _authority.Dispose();
        Assert.Empty(_observer.Faults);
        Assert.Equal(0, rented);
    }

    private (ITransport First, ITransport Second) Keep(ITransport first, ITransport second)
    {
        _transports.AddRange([first, second]);
        return (first, second);
    }

    private sealed class Acceptor : IHttp2Requests<Http2Driver>
    {
        internal StreamTransport? Accepted { get; private set; }

        public void OnRequest(Http2Driver connection, Http2Stream stream, HeaderList headers, bool endStream)
        {
            Accepted = new StreamTransport(connection, stream);
            HeaderList answer = new();
            answer.AddStatus(200);
            connection.Http2.SendHeaders(stream, answer, endStream: false);
            connection.ScheduleFlush();
        }
    }
}
