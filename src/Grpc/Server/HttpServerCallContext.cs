using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Http;

namespace Culvert.Grpc;

/// <summary>
/// A call on the server. It ends exactly once: when the handler is done, when the deadline passes, or (streams) when the server stops,
/// whichever is first; the response belongs to whoever ends it, under <see cref="writeLock"/>.
/// </summary>
internal sealed partial class HttpServerCallContext : ServerCallContext, IAsyncDisposable
{
    private readonly ServerEnvironment environment;
    private readonly CancellationTokenSource cancellation;
    private readonly CancellationTokenRegistration stopping;
    private readonly SemaphoreSlim writeLock = new(1, 1);
    private readonly Lock gate = new();
    private Metadata? requestHeaders;
    private Dictionary<object, object>? userState;
    private ITimer? deadlineTimer;
    private ITimer? writeTimer;

    internal HttpServerCallContext(HttpContext http, ServerEnvironment environment, string method, bool endsWithServer)
    {
        Http = http;
        Method = method;
        this.environment = environment;
        cancellation = CancellationTokenSource.CreateLinkedTokenSource(http.RequestAborted);
        reader = new MessageReader(http.Request.BodyReader, environment.Options.MaxReceiveMessageSize);
        CancellationToken = cancellation.Token;
        if (endsWithServer)
        {
            stopping = environment.Stopping.UnsafeRegister(static state => ((HttpServerCallContext)state!).Interrupt(ServerStops), this);
        }
    }

    public override string Method { get; }

    public override string Host => Http.Request.Host.Value ?? string.Empty;

    public override string Peer => Http.Connection.RemoteIpAddress switch
    {
        null => "unix:" + Http.Connection.LocalIpAddress,
        { AddressFamily: AddressFamily.InterNetworkV6, IsIPv4MappedToIPv6: false } address => $"ipv6:[{address}]:{Http.Connection.RemotePort}",
        IPAddress address => $"ipv4:{address.MapToIPv4()}:{Http.Connection.RemotePort}",
    };

    public override DateTime Deadline => deadline;

    public override Metadata RequestHeaders => requestHeaders ??= ReadRequestHeaders();

    public override CancellationToken CancellationToken { get; }

    public override Metadata ResponseTrailers { get; } = [];

    public override Status Status { get; set; } = Status.DefaultSuccess;

    public override WriteOptions? WriteOptions { get; set; }

    public override IDictionary<object, object> UserState => userState ??= [];

    internal HttpContext Http { get; }

    public override async Task WriteResponseHeadersAsync(Metadata responseHeaders)
    {
        ArgumentNullException.ThrowIfNull(responseHeaders);
        await EnterWriteAsync(CancellationToken);
        try
        {
            if (Http.Response.HasStarted)
            {
                throw new InvalidOperationException("Response headers can only be sent once per call.");
            }

            ServerResponse.Append(Http.Response.Headers, responseHeaders);
            await Http.Response.Body.FlushAsync(CancellationToken);
        }
        finally
        {
            writeLock.Release();
        }
    }

    public async ValueTask DisposeAsync()
    {
        await stopping.DisposeAsync();
        if (deadlineTimer is not null)
        {
            await deadlineTimer.DisposeAsync();
        }

        if (writeTimer is not null)
        {
            await writeTimer.DisposeAsync();
        }

        if (interruption is { } ending)
        {
            await ending;
        }

        cancellation.Dispose();
        writeLock.Dispose();
    }

    private Metadata ReadRequestHeaders()
    {
        Metadata metadata = [];
        foreach ((string key, Microsoft.Extensions.Primitives.StringValues values) in Http.Request.Headers)
        {
            if (MetadataEncoding.IsReserved(key))
            {
                continue;
            }

            foreach (string? value in values)
            {
                MetadataEncoding.AddReceived(metadata, key, value ?? string.Empty);
            }
        }

        return metadata;
    }
}
