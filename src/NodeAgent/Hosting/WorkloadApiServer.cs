using System.Net.Sockets;
using Culvert.GrpcHosting;
using Culvert.Hosting;
using Culvert.NodeAgent.WorkloadApi;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Culvert.NodeAgent.Hosting;

/// <summary>
/// Serves the Workload API on a Unix socket. Applications run as any user, so everybody may connect, mode 0777, as at a SPIRE agent's: who connects is found out by what the kernel says of the process, and whoever is no
/// workload of this node learns that and nothing else. Only who can reach the folder gets that far. Pods are guarded and connected without it, so that the agent starts also where it can't be served, and tries again; and where
/// the socket is removed, or something else put in its place, it is put there again.
/// </summary>
/// <param name="socket">Where clients find it.</param>
/// <param name="service">What is served.</param>
/// <param name="connections">Who has connected.</param>
/// <param name="time">The clock.</param>
/// <param name="loggers">For the server.</param>
/// <param name="logger">Where it is said that it can't be served, or that the socket was replaced.</param>
internal sealed class WorkloadApiServer(string socket, WorkloadApiService service, CallerConnections connections, TimeProvider time, ILoggerFactory loggers, ILogger logger) : IHostedService, IDisposable
{
    /// <summary>Between two looks.</summary>
    internal static readonly TimeSpan Interval = TimeSpan.FromSeconds(5);

    /// <summary>How long the request of a call may take to come: it is one message, and clients have it at hand.</summary>
    internal static readonly TimeSpan RequestTimeout = TimeSpan.FromSeconds(5);

    // A connection's calls: clients have a stream or two each, and keep others waiting beyond.
    private const int MostCallsOfAConnection = 100;

    // What a client may send before it is read; the least that Kestrel takes, and twice that for all calls of a connection.
    private const int CallWindow = 64 << 10;
    private const int ConnectionWindow = 2 * CallWindow;

    // Its length and whether it is compressed go before each message.
    private const int MessagePrefix = 5;

    private static readonly TimeSpan WriteTimeout = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan ReplacedSaidFor = TimeSpan.FromMinutes(10);

    private readonly CancellationTokenSource _stop = new();
    private WebServer? _server;
    private PlacedSocket? _placed;
    private Task _keeping = Task.CompletedTask;
    private string? _failure;
    private long _replacedSaidAt;

    /// <summary>Serves, if it can; tries again later otherwise.</summary>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        await LookAsync();
        _keeping = KeepAsync();
    }

    /// <summary>Ends it, and takes the socket away. A second call does nothing.</summary>
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        await _stop.CancelAsync();
        await _keeping;
        if (_server is not null) await _server.StopAsync(cancellationToken);
        Interlocked.Exchange(ref _placed, null)?.Dispose();
    }

    /// <inheritdoc/>
    public void Dispose() => _stop.Dispose();

    private async Task KeepAsync()
    {
        using PeriodicTimer timer = new(Interval, time);
        try
        {
            while (await timer.WaitForNextTickAsync(_stop.Token)) await LookAsync();
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            // It ends.
        }
    }

    private async Task LookAsync()
    {
        try
        {
            if (_server is null) await OpenAsync();
            else if (!_placed!.IsInPlace())
            {
                SayReplaced();
                _placed.Put();
            }
            _failure = null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or InvalidOperationException or SocketException)
        {
            if (_failure != e.Message) WorkloadApiLog.NotServed(logger, socket, e.Message);
            _failure = e.Message;
        }
    }

    private async Task OpenAsync()
    {
        PlacedSocket placed = new(socket);
        WebServer server = new(() => Build(placed));
        try
        {
            await server.StartAsync(_stop.Token);
            placed.Put();
        }
        catch
        {
            await server.StopAsync(CancellationToken.None);
            placed.Dispose();
            throw;
        }
        (_server, _placed) = (server, placed);
        WorkloadApiLog.Served(logger, socket);
    }

    // Whoever does it can do it over and over.
    private void SayReplaced()
    {
        if (_replacedSaidAt != 0 && time.GetElapsedTime(_replacedSaidAt) < ReplacedSaidFor) return;
        _replacedSaidAt = time.GetTimestamp();
        WorkloadApiLog.Replaced(logger, socket);
    }

    private WebApplication Build(PlacedSocket placed)
    {
        WebApplicationBuilder builder = WebServer.CreateBuilder(loggers);
        builder.Services.AddSingleton(time);
        builder.Services.AddLimitedGrpc(
            grpc => grpc.MaxReceiveMessageSize = WorkloadApiService.LongestRequest,
            limits =>
            {
                limits.MaxRequestBodySize = WorkloadApiService.LongestRequest + MessagePrefix;
                (limits.RequestTimeout, limits.WriteTimeout) = (RequestTimeout, WriteTimeout);
                (limits.Admit, limits.RequestFailed) = (service.Admit, service.NoteRequestFailed);
            });
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.UseGrpcDefaults();
            kestrel.Limits.Http2.MaxStreamsPerConnection = MostCallsOfAConnection;
            (kestrel.Limits.Http2.InitialStreamWindowSize, kestrel.Limits.Http2.InitialConnectionWindowSize) = (CallWindow, ConnectionWindow);
            kestrel.Limits.MaxConcurrentConnections = CallerConnections.Most;
        });
        // Beyond it a connection that does not wait is refused by the kernel.
        builder.Services.Configure<SocketTransportOptions>(o => o.Backlog = CallerConnections.Most);
        builder.WebHost.UseGrpcUnixSocket(socket, placed.Bind, listen => listen.Use(next => connection => connections.ServeAsync(connection, next)));
        WebApplication app = builder.Build();
        app.MapLimitedGrpcService(service.Bind());
        return app;
    }
}
