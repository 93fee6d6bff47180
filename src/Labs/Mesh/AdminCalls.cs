using Culvert.GrpcHosting;
using Culvert.Protocol.V1;
using Grpc.Core;
using Grpc.Net.Client;

namespace Culvert.Labs.Mesh;

/// <summary>An agent's admin service, for calls that end within 10 s times <see cref="LabWait.Patience"/>.</summary>
/// <param name="socket">Path of the admin socket.</param>
internal sealed class AdminCalls(string socket) : IDisposable
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(10);

    private readonly GrpcChannel _channel = GrpcChannel.ForAddress(
        "http://agent",
        new GrpcChannelOptions { HttpHandler = GrpcSocketsHandler.CreateForUnixSocket(socket), DisposeHttpClient = true });

    /// <summary>The service; its calls fail with <see cref="RpcException"/>.</summary>
    public AdminService.AdminServiceClient Service => field ??= new AdminService.AdminServiceClient(_channel);

    /// <summary>Options of a call that begins now.</summary>
    public static CallOptions Options(CancellationToken cancellationToken) =>
        new(deadline: TimeProvider.System.GetUtcNow().UtcDateTime + (Deadline * LabWait.Patience), cancellationToken: cancellationToken);

    public void Dispose() => _channel.Dispose();
}
