using System.Text;
using Culvert.Core;
using Culvert.NodeAgent.Proxy.Http;
using Culvert.NodeAgent.Proxy.Limits;
using Culvert.NodeAgent.Proxy.Loop;
using Culvert.NodeAgent.Proxy.Model;
using Culvert.NodeAgent.Proxy.Transport;
using Culvert.NodeAgent.Tests.Proxy.Transport;

namespace Culvert.NodeAgent.Tests.Proxy.Http;

/// <summary>A relay of HTTP/1.1 that runs between two far ends, which say and expect text.</summary>
internal sealed class HttpLab : IAsyncDisposable
{
    private readonly TransportLab _lab = new();
    private Task _running = Task.CompletedTask;
    private GateLab _gate = null!;

    /// <summary>Transports of applications and of tunnels.</summary>
    public static TheoryData<TransportKind, TransportKind> Pairs => new()
    {
        { TransportKind.Socket, TransportKind.Socket },
        { TransportKind.Socket, TransportKind.Stream },
        { TransportKind.Stream, TransportKind.Socket },
    };

    /// <summary>Hears of requests.</summary>
    internal FakeMesh Mesh { get; } = new();

    internal FarEnd Client { get; private set; } = null!;

    internal FarEnd Server { get; private set; } = null!;

    internal Http1Relay Relay { get; private set; } = null!;

    internal static async Task<HttpLab> StartAsync(TransportKind client = TransportKind.Socket, TransportKind server = TransportKind.Socket, HttpOptions? options = null, RequestRules? rules = null)
    {
        HttpLab lab = new();
        (ITransport clientNear, lab.Client) = await lab._lab.ConnectAsync(client, clientIsNear: false);
        (ITransport serverNear, lab.Server) = await lab._lab.ConnectAsync(server, clientIsNear: true);
        await lab._lab.OnLoopAsync(() =>
        {
            lab.Mesh.Rules = rules;
            lab._gate = new GateLab(lab.Mesh, "http");
            lab.Relay = new(clientNear, serverNear, BudgetHolder.Of(TransportLab.ClientAddress), BudgetHolder.Of(TransportLab.ServerAddress), lab._gate.Gate, options ?? new HttpOptions(), lab.Mesh, TimeProvider.System);
            lab._running = lab.Relay.RunAsync().AsTask();
            return true;
        });
        return lab;
    }

    /// <summary>Sends text whose lines end with CR LF.</summary>
    internal static Task SayAsync(FarEnd end, string text) => end.SendAsync(Encoding.Latin1.GetBytes(text), finish: false);

    /// <summary>Receives exactly this text.</summary>
    internal static async Task ExpectAsync(FarEnd end, string text) => Assert.Equal(text, Encoding.Latin1.GetString(Assert.IsType<byte[]>(await end.ReceiveAsync(text.Length))));

    /// <summary>Receives up to the end, which has to be in good order.</summary>
    internal static async Task<string> RestAsync(FarEnd end) => Encoding.Latin1.GetString(Assert.IsType<byte[]>(await end.ReceiveAsync(1 << 20)));

    /// <summary>One request and its answer.</summary>
    internal async Task ExchangeAsync(string request = "GET /a HTTP/1.1\r\nhost: x\r\n\r\n", string response = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
    {
        await SayAsync(Client, request);
        await ExpectAsync(Server, request);
        await SayAsync(Server, response);
        await ExpectAsync(Client, response);
    }

    /// <summary>What the client is answered in the server's place, up to the end.</summary>
    internal async Task AssertAnsweredAsync(int status, string error)
    {
        string answer = await RestAsync(Client);
        Assert.StartsWith($"HTTP/1.1 {status} ", answer, StringComparison.Ordinal);
        Assert.Contains($"\r\nproxy-status: culvert; error={error}; details=\"", answer, StringComparison.Ordinal);
        Assert.Contains("\r\nconnection: close\r\n", answer, StringComparison.Ordinal);
        Assert.Equal((status, error), Mesh.Requests.Last());
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

    /// <summary>Lets the loop's time pass: what was scheduled for earlier has been done when this returns.</summary>
    internal Task<bool> TimeAsync(TimeSpan time) => _lab.OnLoopAsync(async () =>
    {
        LoopSignal signal = new();
        _lab.Loop.Schedule(new LoopTimer(static state => ((LoopSignal)state!).Set(true), signal), time);
        return await signal.WaitAsync();
    });

    internal Task AbortAsync(ProxyFailure failure) => _lab.OnLoopAsync(() =>
    {
        Relay.Abort(failure);
        return true;
    });

    public async ValueTask DisposeAsync()
    {
        await AbortAsync(ProxyFailure.Draining);
        await EndAsync();
        await _lab.DisposeAsync();
    }
}
