using System.Security.Cryptography.X509Certificates;
using Culvert.Core;
using Culvert.Grpc;
using Culvert.Protocol;

namespace Culvert.NodeAgent.Identity;

/// <summary>
/// The way to the controller: a Unix socket, or TLS where the server must be the controller of a known root and the agent shows its node
/// certificate. Joins with the token when there is no usable node certificate. Safe for concurrent callers.
/// </summary>
internal sealed class ControllerLink : IDisposable
{
    private readonly NodeCredentials _credentials;
    private readonly TimeProvider _time;
    private readonly ReadOnlyMemory<byte>[] _bootstrapRoots;
    private readonly SemaphoreSlim _gate = new(1, 1);
    private volatile TrustBundle _bundle = TrustBundle.Empty;
    private GrpcChannel? _channel;
    private string? _channelThumbprint;

    internal ControllerLink(Uri address, string node, string? bootstrapRootsFile, NodeCredentials credentials, TimeProvider time)
    {
        (Address, _credentials, _time) = (address, credentials, time);
        Headers = address.Scheme == "unix" ? ControllerChannel.ForNode(node) : null;
        X509Certificate2Collection roots = [];
        if (bootstrapRootsFile is not null) roots.ImportFromPemFile(bootstrapRootsFile);
        if (bootstrapRootsFile is not null && roots.Count == 0) throw new InvalidDataException($"{bootstrapRootsFile} holds no certificate");
        _bootstrapRoots = [.. roots.Select(r => new ReadOnlyMemory<byte>(r.RawData))];
    }

    /// <summary>Where the controller is.</summary>
    internal Uri Address { get; }

    /// <summary>Headers that every call must carry; null: none.</summary>
    internal Metadata? Headers { get; }

    /// <summary>Roots from the snapshot in force: known besides the bootstrap roots, so that the controller's root may change.</summary>
    internal void SetBundle(TrustBundle bundle) => _bundle = bundle;

    /// <summary>A way to call the controller as this node; joins or renews first when needed.</summary>
    internal async Task<CallInvoker> ConnectAsync(CancellationToken cancellationToken)
    {
        await _gate.WaitAsync(cancellationToken);
        try
        {
            if (Address.Scheme == "unix")
            {
                if (!File.Exists(Address.LocalPath)) throw new IOException($"--controller: there is no socket at {Address.LocalPath}; is the controller running, with --unix-socket {Address.LocalPath}?");
                _channel ??= ControllerChannel.ForUnixSocket(Address.LocalPath);
                return _channel.CreateCallInvoker();
            }
            if (_credentials.Current is null)
            {
                using GrpcChannel anonymous = TlsChannel(show: false);
                await _credentials.JoinAsync(anonymous.CreateCallInvoker(), cancellationToken);
            }
            else if (_credentials.IsDue)
            {
                using GrpcChannel current = TlsChannel(show: true);
                await _credentials.RenewAsync(current.CreateCallInvoker(), cancellationToken);
            }
            string? thumbprint = _credentials.Current?.Thumbprint;
            if (_channel is null || _channelThumbprint != thumbprint)
            {
                // Calls on the old channel go on until they end by themselves.
                _channel = TlsChannel(show: true);
                _channelThumbprint = thumbprint;
            }
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

    private GrpcChannel TlsChannel(bool show) => ControllerChannel.ForTls(new ControllerChannelOptions
    {
        Address = Address,
        Roots = () => [.. _bootstrapRoots, .. _bundle.Roots],
        Identity = show ? () => _credentials.Current is { } certificate ? new SslClientIdentity(certificate, _credentials.KnownIntermediates) : null : null,
        Time = _time,
    });
}
