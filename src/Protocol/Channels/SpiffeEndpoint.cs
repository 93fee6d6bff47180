using System.Diagnostics.CodeAnalysis;
using System.Net;
using Culvert.GrpcHosting;
using Grpc.Net.Client;

namespace Culvert.Protocol;

/// <summary>Where an API of SPIFFE or SPIRE is served without TLS: a Unix socket, or TCP on loopback (SPIFFE_Workload_Endpoint.md, section 4).</summary>
public sealed record SpiffeEndpoint
{
    /// <summary>The variable that names the Workload API's where nothing else does.</summary>
    public const string EnvironmentVariable = "SPIFFE_ENDPOINT_SOCKET";

    private const string UnixPrefix = "unix://";
    private const string TcpPrefix = "tcp://";

    // A PING more often than once a minute ends the connection at the fourth (GOAWAY, too_many_pings); on this machine a dead peer is known without.
    private static readonly TimeSpan NoPings = Timeout.InfiniteTimeSpan;

    private readonly string? _path;
    private readonly IPEndPoint? _address;

    private SpiffeEndpoint(string? path, IPEndPoint? address) => (_path, _address) = (path, address);

    /// <summary>The Unix socket; null: it is reached by TCP.</summary>
    public string? SocketPath => _path;

    /// <summary>Reads <c>unix:///PATH</c> or <c>tcp://IP:PORT</c>.</summary>
    /// <param name="text">The address.</param>
    /// <param name="endpoint">What it names; null on failure.</param>
    /// <param name="error">What is wrong, the end of a sentence that names the text; null where nothing is.</param>
    public static bool TryParse(string text, [NotNullWhen(true)] out SpiffeEndpoint? endpoint, [NotNullWhen(false)] out string? error)
    {
        ArgumentNullException.ThrowIfNull(text);
        (endpoint, error) = (null, null);
        if (text.StartsWith(UnixPrefix, StringComparison.Ordinal))
        {
            string path = text[UnixPrefix.Length..];
            if (path.Length > 1 && path[0] == '/') endpoint = new(path, null);
            else error = "names no absolute path: a socket is unix:///PATH, with three slashes";
        }
        else if (text.StartsWith(TcpPrefix, StringComparison.Ordinal))
        {
            if (IPEndPoint.TryParse(text.AsSpan(TcpPrefix.Length), out IPEndPoint? address) && address.Port > 0) endpoint = new(null, address);
            else error = "names no address and port: it is tcp://IP:PORT, without a path";
        }
        else
        {
            error = "begins with neither unix:// nor tcp://";
        }
        return endpoint is not null;
    }

    /// <summary>A channel to it; it connects when it is called. No keepalive: SPIRE takes PINGs for abuse.</summary>
    public GrpcChannel OpenChannel()
    {
        SocketsHttpHandler handler = _path is null ? GrpcSocketsHandler.Create() : GrpcSocketsHandler.CreateForUnixSocket(_path);
        handler.KeepAlivePingDelay = NoPings;
        GrpcChannelOptions options = new() { HttpHandler = handler, DisposeHttpClient = true };
        return GrpcChannel.ForAddress(_address is null ? "http://localhost" : $"http://{_address}", options);
    }

    /// <summary>As it was written.</summary>
    public override string ToString() => _path is null ? TcpPrefix + _address : UnixPrefix + _path;
}
