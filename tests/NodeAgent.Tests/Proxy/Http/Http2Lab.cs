using Culvert.Core;
using Culvert.Http2;
using Culvert.NodeAgent.Proxy.Http;
using Culvert.NodeAgent.Proxy.Limits;
using Culvert.NodeAgent.Proxy.Model;
using Culvert.NodeAgent.Proxy.Transport;
using Culvert.NodeAgent.Tests.Proxy.Transport;

namespace Culvert.NodeAgent.Tests.Proxy.Http;

/// <summary>A relay of HTTP/2 that runs between a client and a server.</summary>
internal sealed class Http2Lab : IAsyncDisposable
{
    internal const string Get = ":method GET\n:scheme http\n:authority shop\n:path /a?b=c\naccept */*";
    internal const string Post = ":method POST\n:scheme http\n:authority shop\n:path /a";
    internal const string Grpc = ":method POST\n:scheme http\n:authority shop\n:path /pkg.Shop/Buy\ncontent-type application/grpc+proto\nte trailers";
    internal const string Ok = ":status 200\nserver x";

    private readonly TransportLab _lab = new();
    private Task _running = Task.CompletedTask;
    private GateLab _gate = null!;

    /// <summary>Hears of requests.</summary>
    internal FakeMesh Mesh { get; } = new();

    internal FarHttp2 Client { get; private set; } = null!;

    /// <summary>The client's end where a test speaks HTTP/2 by itself.</summary>
    internal FarEnd RawClient { get; private set; } = null!;

    internal FarHttp2 Server { get; private set; } = null!;

    /// <summary>The server's end where a test speaks by itself.</summary>
    internal FarEnd RawServer { get; private set; } = null!;

    internal IHttpRelay Relay { get; private set; } = null!;

    internal static async Task<Http2Lab> StartAsync(TransportKind client = TransportKind.Socket, TransportKind server = TransportKind.Socket, Http2Options? ofServer = null, bool isClientRaw = false, bool isServerRaw = false, bool isPortOfHttp1 = false, RequestRules? rules = null)
    {
        Http2Lab lab = new();
        (ITransport clientNear, FarEnd clientFar) = await lab._lab.ConnectAsync(client, clientIsNear: false);
        (ITransport serverNear, FarEnd serverFar) = await lab._lab.ConnectAsync(server, clientIsNear: true);
        await lab._lab.OnLoopAsync(() =>
        {
            lab.Mesh.Rules = rules;
            lab._gate = new GateLab(lab.Mesh, isPortOfHttp1 ? "http" : "kubernetes.io/h2c");
            BudgetHolder clientOwner = BudgetHolder.Of(TransportLab.ClientAddress), serverOwner = BudgetHolder.Of(TransportLab.ServerAddress);
            Http2Relay Relay() => new(clientNear, serverNear, clientOwner, serverOwner, lab._gate.Gate, new HttpOptions(), lab.Mesh, TimeProvider.System);
            lab.Relay = isPortOfHttp1
                ? new AnyVersionRelay(new Http1Relay(clientNear, serverNear, clientOwner, serverOwner, lab._gate.Gate, new HttpOptions(), lab.Mesh, TimeProvider.System), Relay, clientNear.Loop)
                : Relay();
            lab._running = lab.Relay.RunAsync().AsTask();
            lab.RawClient = clientFar;
            if (!isClientRaw) lab.Client = new FarHttp2(lab._lab, clientFar.Transport, isServer: false, new Http2Options());
            lab.RawServer = serverFar;
            if (!isServerRaw) lab.Server = new FarHttp2(lab._lab, serverFar.Transport, isServer: true, ofServer ?? new Http2Options());
            return true;
        });
        return lab;
    }

    /// <summary>A request that has reached the server.</summary>
    internal async Task<(FarStream Client, FarStream Server)> AskAsync(string fields, bool end)
    {
        FarStream client = await Client.AskAsync(fields, end);
        FarStream server = await Server.RequestAsync();
        await server.ExpectAsync(end ? $"{fields}\n(end)" : fields);
        return (client, server);
    }

    /// <summary>One request and its answer.</summary>
    internal async Task ExchangeAsync()
    {
        (FarStream client, FarStream server) = await AskAsync(Get, end: true);
        await server.SayAsync(Ok, end: false);
        await server.SendAsync("hello", end: true);
        await client.ExpectAsync(Ok, "hello", "(end)");
    }

    /// <summary>Policy changes to this.</summary>
    internal Task ChangeAsync(RequestRules? rules) => _lab.OnLoopAsync(() =>
    {
        _gate.Change(rules);
        return true;
    });

    /// <summary>The relay is over, for this reason.</summary>
    internal async Task<ProxyFailure> EndAsync()
    {
        await _running.WaitAsync(TimeSpan.FromSeconds(20));
        return Relay.Failure;
    }

    internal Task AbortAsync(ProxyFailure failure) => _lab.OnLoopAsync(() =>
    {
        Relay.Abort(failure);
        return true;
    });

    public async ValueTask DisposeAsync()
    {
        await AbortAsync(ProxyFailure.Draining);
        await EndAsync();
        if (Client is not null) await Client.CloseAsync();
        if (Server is not null) await Server.CloseAsync();
        await _lab.DisposeAsync();
    }
}
