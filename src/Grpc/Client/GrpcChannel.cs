namespace Culvert.Grpc;

/// <summary>A way to one server: its connections are opened on demand, shared by all calls and reopened when lost. Thread-safe.</summary>
public sealed class GrpcChannel : ChannelBase, IDisposable
{
    private readonly CancellationTokenSource shutdown = new();
    private int disposed;

    private GrpcChannel(Uri address, GrpcChannelOptions options) : base(address.Authority)
    {
        Address = address;
        MaxReceiveMessageSize = options.MaxReceiveMessageSize;
        MaxSendMessageSize = options.MaxSendMessageSize;
        TimeProvider = options.TimeProvider ?? TimeProvider.System;
        Invoker = new HttpMessageInvoker(
            options.HttpHandler ?? GrpcSocketsHandler.Create(),
            disposeHandler: options.HttpHandler is null || options.DisposeHttpClient);
        Shutdown = shutdown.Token;
    }

    internal Uri Address { get; }

    internal HttpMessageInvoker Invoker { get; }

    internal int? MaxReceiveMessageSize { get; }

    internal int? MaxSendMessageSize { get; }

    internal TimeProvider TimeProvider { get; }

    internal CancellationToken Shutdown { get; }

    /// <summary>Makes a channel; does not connect.</summary>
    /// <param name="address"><c>http://host:port</c> for HTTP/2 in the clear, <c>https://host:port</c> for TLS.</param>
    public static GrpcChannel ForAddress(string address) => ForAddress(address, new GrpcChannelOptions());

    /// <summary>Makes a channel; does not connect.</summary>
    /// <param name="address"><c>http://host:port</c> for HTTP/2 in the clear, <c>https://host:port</c> for TLS.</param>
    /// <param name="channelOptions">Options.</param>
    public static GrpcChannel ForAddress(string address, GrpcChannelOptions channelOptions)
    {
        ArgumentNullException.ThrowIfNull(address);
        return Uri.TryCreate(address, UriKind.Absolute, out Uri? uri)
            ? ForAddress(uri, channelOptions)
            : throw new ArgumentException($"'{address}' is not an absolute address.", nameof(address));
    }

    /// <summary>Makes a channel; does not connect.</summary>
    /// <param name="address">Scheme <c>http</c> for HTTP/2 in the clear, <c>https</c> for TLS.</param>
    public static GrpcChannel ForAddress(Uri address) => ForAddress(address, new GrpcChannelOptions());

    /// <summary>Makes a channel; does not connect.</summary>
    /// <param name="address">Scheme <c>http</c> for HTTP/2 in the clear, <c>https</c> for TLS.</param>
    /// <param name="channelOptions">Options.</param>
    /// <exception cref="ArgumentException">The address has another scheme.</exception>
    public static GrpcChannel ForAddress(Uri address, GrpcChannelOptions channelOptions)
    {
        ArgumentNullException.ThrowIfNull(address);
        ArgumentNullException.ThrowIfNull(channelOptions);
        return address.Scheme == Uri.UriSchemeHttp || address.Scheme == Uri.UriSchemeHttps
            ? new GrpcChannel(address, channelOptions)
            : throw new ArgumentException($"The address '{address}' must start with http:// or https://.", nameof(address));
    }

    /// <inheritdoc/>
    public override CallInvoker CreateCallInvoker() => new HttpCallInvoker(this);

    /// <summary>Cancels all calls and closes all connections.</summary>
    public Task ShutdownAsync()
    {
        Dispose();
        return Task.CompletedTask;
    }

    /// <summary>Cancels all calls and closes all connections.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref disposed, 1) == 0)
        {
            shutdown.Cancel();
            Invoker.Dispose();
            shutdown.Dispose();
        }
    }
}
