using Culvert.Protocol.WorkloadApi;
using Grpc.Core;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Culvert.Tests.Shared.Spire;

/// <summary>The Workload API of a SPIRE agent on a Unix socket, which tells whoever asks what a test says; with the codes and texts of a real one.</summary>
internal sealed class StandInWorkloadApi : SpiffeWorkloadAPI.SpiffeWorkloadAPIBase, IAsyncDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("culvert-workload-api-").FullName;
    private readonly WebApplication _app;
    private volatile X509SVIDResponse? _answer;
    private volatile TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private StandInWorkloadApi()
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.ListenUnixSocket(Socket, o => o.Protocols = HttpProtocols.Http2));
        builder.Services.AddGrpc();
        _app = builder.Build();
        _app.MapGrpcService(SpiffeWorkloadAPI.BindService(this));
    }

    internal string Socket => Path.Combine(_folder, "agent.sock");

    internal static async Task<StandInWorkloadApi> StartAsync()
    {
        StandInWorkloadApi api = new();
        await api._app.StartAsync();
        return api;
    }

    /// <summary>Tells this from now on; null: that the caller has no identity.</summary>
    internal void Tell(X509SVIDResponse? answer)
    {
        _answer = answer;
        TaskCompletionSource before = _changed;
        _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
        before.SetResult();
    }

    public override async Task FetchX509SVID(X509SVIDRequest request, IServerStreamWriter<X509SVIDResponse> responseStream, ServerCallContext context)
    {
        if (context.RequestHeaders.Where(h => h.Key == "workload.spiffe.io").Select(h => h.Value).ToArray() is not ["true"]) throw new RpcException(new Status(StatusCode.InvalidArgument, "security header missing from request"));
        while (true)
        {
            Task changed = _changed.Task;
            await responseStream.WriteAsync(_answer ?? throw new RpcException(new Status(StatusCode.PermissionDenied, "no identity issued")));
            await changed.WaitAsync(context.CancellationToken);
        }
    }

    public async ValueTask DisposeAsync()
    {
        using CancellationTokenSource now = new();
        await now.CancelAsync();
        await _app.StopAsync(now.Token);
        await _app.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }
}
