using Culvert.Grpc;
using Culvert.Hosting;
using Culvert.NodeAgent.Options;
using Culvert.NodeAgent.WorkloadApi;
using Culvert.Protocol.WorkloadApi;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Culvert.NodeAgent.Hosting;

/// <summary>
/// Serves the Workload API on a Unix socket. Applications run as any user, so everybody may connect, mode 0777, as at a SPIRE agent's: who connects is found out by what the kernel says of the process, and whoever is no
/// workload of this node learns that and nothing else. Only who can reach the folder gets that far.
/// </summary>
internal static class WorkloadApiServer
{
    // A connection's calls: clients have a stream or two each, and keep others waiting beyond.
    private const int MostCallsOfAConnection = 100;

    private const UnixFileMode FolderMode =
        UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute | UnixFileMode.GroupRead | UnixFileMode.GroupExecute | UnixFileMode.OtherRead | UnixFileMode.OtherExecute;

    private static readonly TimeSpan WriteTimeout = TimeSpan.FromSeconds(30);

    /// <summary>The server; it is not started yet.</summary>
    internal static WebServer Serve(string socket, WorkloadApiService service, CallerConnections connections, ILoggerFactory loggers) => new(
        () => Build(socket, service, connections, loggers),
        start => StartStep.RunAsync(_ => $"--workload-api {socket}", $"stop or remove what is at {socket}, or give another path", start));

    private static WebApplication Build(string socket, WorkloadApiService service, CallerConnections connections, ILoggerFactory loggers)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(socket)!, FolderMode);
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Services.AddSingleton(loggers);
        builder.Services.AddGrpc(o => (o.MaxReceiveMessageSize, o.WriteTimeout) = (WorkloadApiService.LongestRequest, WriteTimeout));
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.UseGrpcDefaults();
            kestrel.Limits.Http2.MaxStreamsPerConnection = MostCallsOfAConnection;
            kestrel.Limits.MaxConcurrentConnections = CallerConnections.Most;
        });
        builder.WebHost.UseOpenGrpcUnixSocket(socket, listen => listen.Use(next => connection => connections.ServeAsync(connection, next)));
        WebApplication app = builder.Build();
        app.MapGrpcService(SpiffeWorkloadAPI.BindService(service));
        return app;
    }
}
