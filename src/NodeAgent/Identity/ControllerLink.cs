using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using Culvert.Grpc;

namespace Culvert.NodeAgent.Identity;

/// <summary>
/// The way to the controller: a Unix socket, or TLS where the server must chain to the bootstrap roots and the agent shows its node
/// certificate. Joins with the token when there is no usable node certificate. Safe for concurrent callers.
/// </summary>
internal sealed class ControllerLink : IDisposable
{
    private readonly NodeCredentials _credentials;
    private readonly SemaphoreSlim _gate = new(1, 1);
    private readonly X509Certificate2Collection _roots;
    private GrpcChannel? _channel;
    private string? _channelThumbprint;

    internal ControllerLink(Uri address, string? bootstrapRootsFile, NodeCredentials credentials)
    {
        Address = address;
        _credentials = credentials;
        _roots = [];
        if (bootstrapRootsFile is not null) _roots.ImportFromPemFile(bootstrapRootsFile);
    }

    /// <summary>Where the controller is.</summary>
    internal Uri Address { get; }

    /// <summary>A way to call the controller as this node; joins or renews first when needed.</summary>
    internal async Task<CallInvoker> ConnectAsync(CancellationToken cancellationToken)
    {
        await _gate.WaitAsync(cancellationToken);
        try
        {
            if (Address.Scheme == "unix")
            {
                _channel ??= GrpcChannel.ForAddress("http://localhost", new GrpcChannelOptions { HttpHandler = UnixHandler(Address.LocalPath), DisposeHttpClient = true });
                return _channel.CreateCallInvoker();
            }
            X509Certificate2? certificate = _credentials.Current;
            if (certificate is null)
            {
                using GrpcChannel anonymous = TlsChannel(null);
                certificate = await _credentials.JoinAsync(anonymous.CreateCallInvoker(), cancellationToken);
            }
            if (_channel is null || _channelThumbprint != certificate.Thumbprint)
            {
                _channel?.Dispose();
                _channel = TlsChannel(certificate);
                _channelThumbprint = certificate.Thumbprint;
            }
            if (_credentials.IsDue) certificate = await _credentials.RenewAsync(_channel.CreateCallInvoker(), cancellationToken);
            return _channel.CreateCallInvoker();
        }
        finally
        {
            _gate.Release();
        }
    }

    public void Dispose()
    {
        _channel?.Dispose();
        _gate.Dispose();
    }

    private GrpcChannel TlsChannel(X509Certificate2? certificate)
    {
        SocketsHttpHandler handler = new()
        {
            EnableMultipleHttp2Connections = true,
            KeepAlivePingDelay = TimeSpan.FromSeconds(10),
            KeepAlivePingTimeout = TimeSpan.FromSeconds(10),
            ConnectTimeout = TimeSpan.FromSeconds(5),
            UseProxy = false,
        };
        handler.SslOptions.RemoteCertificateValidationCallback = (_, peer, _, _) => IsController(peer);
        if (certificate is not null)
        {
            handler.SslOptions.ClientCertificateContext = _credentials.CreateContext(certificate);
        }
        return GrpcChannel.ForAddress(Address, new GrpcChannelOptions { HttpHandler = handler, DisposeHttpClient = true });
    }

    // The controller is known by its root, which the operator handed over, not by a host name: it may move.
    private bool IsController(X509Certificate? peer)
    {
        if (peer is not X509Certificate2 certificate) return false;
        using X509Chain chain = new();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.AddRange(_roots);
        chain.ChainPolicy.ExtraStore.AddRange(_credentials.KnownIntermediates);
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        chain.ChainPolicy.ApplicationPolicy.Add(new System.Security.Cryptography.Oid("1.3.6.1.5.5.7.3.1"));
        return chain.Build(certificate);
    }

    private static SocketsHttpHandler UnixHandler(string path) => new()
    {
        UseProxy = false,
        ConnectCallback = async (_, token) =>
        {
            Socket socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            try
            {
                await socket.ConnectAsync(new UnixDomainSocketEndPoint(path), token);
                return new NetworkStream(socket, ownsSocket: true);
            }
            catch
            {
                socket.Dispose();
                throw;
            }
        },
    };
}
