using System.Net.Sockets;
using Culvert.GrpcHosting;
using Culvert.Protocol;
using Culvert.Protocol.V1;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Grpc.Net.Client;

namespace Culvert.Cli.Admin;

/// <summary>Calls the agent's admin service on its Unix socket. Errors are <see cref="CliException"/> with the exit code they mean.</summary>
internal sealed class AdminClient : IDisposable
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(10);

    // The agent has its own deadline, and says by then what has come.
    private static readonly TimeSpan BeyondTheAgents = TimeSpan.FromSeconds(10);

    private readonly int _patience;
    private readonly string _socket;
    private readonly GrpcChannel _channel;
    private readonly AdminService.AdminServiceClient _admin;

    /// <summary>Makes a client; it connects with the first call.</summary>
    /// <param name="socket">Path of the socket.</param>
    /// <param name="patience">Multiplies every deadline.</param>
    public AdminClient(string socket, int patience = 1)
    {
        _patience = patience;
        _socket = socket;
        _channel = GrpcChannel.ForAddress(
            "http://agent",
            new GrpcChannelOptions { HttpHandler = GrpcSocketsHandler.CreateForUnixSocket(socket), DisposeHttpClient = true });
        _admin = new AdminService.AdminServiceClient(_channel);
    }

    public Task<StatusResponse> StatusAsync(CancellationToken cancellationToken) =>
        CallAsync(options => _admin.StatusAsync(new StatusRequest(), options), Deadline, cancellationToken);

    public Task<RequestsResponse> RequestsAsync(CancellationToken cancellationToken) =>
        CallAsync(options => _admin.RequestsAsync(new RequestsRequest(), options), Deadline, cancellationToken);

    public Task<ExplainResponse> ExplainAsync(ExplainRequest request, CancellationToken cancellationToken) =>
        CallAsync(options => _admin.ExplainAsync(request, options), Deadline, cancellationToken);

    /// <summary>The identities of the node, or the named one of them.</summary>
    public Task<IdentitiesResponse> IdentitiesAsync(string? identity, CancellationToken cancellationToken) =>
        CallAsync(options => _admin.IdentitiesAsync(new IdentitiesRequest { Identity = identity ?? "" }, options), Deadline, cancellationToken);

    /// <summary>Has all identities of the node, or the named one, renewed; the agent waits for as long as it is told.</summary>
    public Task<RotateIdentitiesResponse> RotateIdentitiesAsync(string? identity, TimeSpan timeout, CancellationToken cancellationToken)
    {
        var request = new RotateIdentitiesRequest { Identity = identity ?? "", Timeout = Duration.FromTimeSpan(timeout) };
        return CallAsync(options => _admin.RotateIdentitiesAsync(request, options), timeout + BeyondTheAgents, cancellationToken);
    }

    public Task<DumpSnapshotResponse> DumpSnapshotAsync(CancellationToken cancellationToken) =>
        CallAsync(options => _admin.DumpSnapshotAsync(new DumpSnapshotRequest(), options), Deadline, cancellationToken);

    /// <summary>Takes longer than the others: the agent drains its connections first.</summary>
    public Task<DetachResponse> DetachAsync(CancellationToken cancellationToken) =>
        CallAsync(options => _admin.DetachAsync(new DetachRequest(), options), TimeSpan.FromSeconds(60), cancellationToken);

    /// <summary>Streams flows to a callback until the agent or the token ends it.</summary>
    public async Task FlowsAsync(FlowsRequest request, Action<Flow> each, CancellationToken cancellationToken)
    {
        try
        {
            using var call = _admin.Flows(request, cancellationToken: cancellationToken);
            await foreach (var flow in call.ResponseStream.ReadAllAsync(cancellationToken))
            {
                each(flow);
            }
        }
        catch (RpcException e)
        {
            cancellationToken.ThrowIfCancellationRequested();
            throw Explain(e);
        }
    }

    public void Dispose() => _channel.Dispose();

    private async Task<TResponse> CallAsync<TResponse>(
        Func<CallOptions, AsyncUnaryCall<TResponse>> start, TimeSpan deadline, CancellationToken cancellationToken)
    {
        var options = new CallOptions(deadline: DateTime.UtcNow + (deadline * _patience), cancellationToken: cancellationToken);
        try
        {
            using AsyncUnaryCall<TResponse> call = start(options);
            return await call.ResponseAsync;
        }
        catch (RpcException e)
        {
            cancellationToken.ThrowIfCancellationRequested();
            throw Explain(e);
        }
    }

    private CliException Explain(RpcException e) => CallFailure.CodeOf(e) switch
    {
        StatusCode.Unavailable when IsForbidden(e) => new CliException(
            ExitCode.Unsupported, $"permission denied: {_socket}, the agent's admin socket, is closed to this user", "run it as root (sudo)", e),
        StatusCode.Unavailable or StatusCode.DeadlineExceeded => new CliException(
            ExitCode.CannotConnect,
            File.Exists(_socket) ? $"no agent answers on {_socket}: {CallFailure.DetailOf(e)}" : $"no agent runs here: {_socket} does not exist",
            File.Exists(_socket)
                ? "the socket exists; is the agent running?"
                : "start the agent, or name its socket with --admin-socket; in a cluster ask in the agent's pod: kubectl -n culvert-system exec POD -- culvert …",
            e),
        StatusCode.InvalidArgument or StatusCode.NotFound => new CliException(ExitCode.BadInput, e.Status.Detail, null, e),
        _ => new CliException(ExitCode.Refused, $"the agent answered {e.StatusCode}: {e.Status.Detail}", "see the agent's log", e),
    };

    // The kernel says it: a look at the path can't tell a socket in a folder that is closed to this user from none.
    private static bool IsForbidden(RpcException e)
    {
        for (Exception? cause = e; cause is not null; cause = cause.InnerException)
        {
            if (cause is SocketException { SocketErrorCode: SocketError.AccessDenied })
            {
                return true;
            }
        }

        return false;
    }
}
