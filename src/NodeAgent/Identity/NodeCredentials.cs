using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Culvert.Core;
using Culvert.Logging;
using Culvert.NodeAgent.Options;
using Culvert.NodeAgent.State;
using Culvert.NodeAgent.Telemetry;
using Culvert.Protocol;
using Culvert.Protocol.V1;
using Grpc.Core;
using Microsoft.Extensions.Logging;

namespace Culvert.NodeAgent.Identity;

/// <summary>
/// The node's own certificate towards the controller, kept in a 0600 file of the state folder so that a restarted agent needs no new
/// token. Used under the lock of <see cref="ControllerLink"/>.
/// </summary>
internal sealed class NodeCredentials : INodeIdentity
{
    // A start that fails, or is ended, waits for it.
    private static readonly TimeSpan LongestJoin = TimeSpan.FromSeconds(20);

    private readonly string _node;
    private readonly string _path;
    private readonly string? _tokenFile;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly AgentMetrics? _metrics;
    private X509Certificate2? _current;
    private SpiffeId? _identity;
    private string? _unsaved;
    private volatile NodeSvid? _held;
    private volatile RevokedCredentials _revoked = RevokedCredentials.None;
    private volatile string? _lastError;

    /// <exception cref="AgentStartException">The state folder has the certificate of another node.</exception>
    internal NodeCredentials(string node, string stateFolder, string? tokenFile, TimeProvider time, ILogger logger, AgentMetrics? metrics = null)
    {
        (_node, _path, _tokenFile, _time, _logger, _metrics) = (node, Path.Combine(stateFolder, "node.pem"), tokenFile, time, logger, metrics);
        Load();
    }

    /// <summary>The certificate with its key while it is valid; null otherwise.</summary>
    internal X509Certificate2? Current => _current is not null && new DateTimeOffset(_current.NotAfter) > _time.GetUtcNow() ? _current : null;

    /// <summary>The certificate with its key, also when it has ended: the controller may renew it for some time. Null when the node must join.</summary>
    internal X509Certificate2? Known => _current;

    /// <summary>When that ends; null when there is none. Safe for any thread.</summary>
    public DateTimeOffset? NotAfter => _current is { } current ? new DateTimeOffset(current.NotAfter) : null;

    /// <summary>The certificate as it is told to people, also when it has ended; null when there is none. Safe for any thread.</summary>
    public NodeSvid? Held => _held;

    /// <summary>Why the last attempt to have a certificate has failed; null when it has not. Safe for any thread.</summary>
    public string? LastError => _lastError;

    /// <inheritdoc/>
    public string Source => "controller";

    /// <summary>Certificates between the node's and the root.</summary>
    internal X509Certificate2Collection KnownIntermediates { get; private set; } = [];

    /// <summary>When it should be renewed: past two thirds of its life, and at once where it is revoked, or one above it is; null: there is none.</summary>
    public DateTimeOffset? DueAt => _current is null ? null : IsRevoked ? new DateTimeOffset(_current.NotBefore) : RotationSchedule.RenewAt(new DateTimeOffset(_current.NotBefore), new DateTimeOffset(_current.NotAfter), 0.5);

    /// <summary>Whether it should be renewed now.</summary>
    internal bool IsDue => DueAt is { } due && _time.GetUtcNow() > due;

    /// <summary>Whether it, or one above it, is believed no more.</summary>
    internal bool IsRevoked => _held is { } held && SvidVerifier.FindRevoked(held.Chain, _revoked) is not null;

    /// <summary>Why the certificate that was there can't be used and the node has to join again; null when there was none, or it can.</summary>
    internal string? WhyUnusable { get; private set; }

    /// <summary>Whether the node has a token to join with.</summary>
    internal bool HasToken => _tokenFile is not null && File.Exists(_tokenFile);

    /// <summary>
    /// Joins with the token of the token file. Once the request is under way nothing but its deadline ends it: the token is used up when the controller answers, and a certificate that nobody waits for would be
    /// lost with it.
    /// </summary>
    internal async Task<X509Certificate2> JoinAsync(CallInvoker controller, CancellationToken cancellationToken)
    {
        if (_tokenFile is null) throw new InvalidOperationException($"node {_node} has no certificate and no join token; give it one with --join-token-file");
        string token = await ReadTokenAsync(_tokenFile, cancellationToken);
        cancellationToken.ThrowIfCancellationRequested();
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        CallOptions options = new(deadline: _time.GetUtcNow().UtcDateTime.Add(LongestJoin));
        try
        {
            return await AskAsync(null);
        }
        catch (RpcException e) when (CsrIdentity.ToName(e) is { } identity && identity == SpiffeId.ForNode(identity.TrustDomain, _node))
        {
            // The trust domain was not known here before; a request that is refused for that uses no token up.
            return await AskAsync(identity);
        }

        async Task<X509Certificate2> AskAsync(SpiffeId? identity)
        {
            JoinNodeRequest request = new() { Token = token, Node = _node, CsrDer = Csr(key, identity) };
            using AsyncUnaryCall<CertificateResponse> call = new CertificateService.CertificateServiceClient(controller).JoinNodeAsync(request, options);
            return Take(await call.ResponseAsync, key);
        }
    }

    /// <summary>Renews over a connection that showed the current certificate.</summary>
    internal async Task<X509Certificate2> RenewAsync(CallInvoker controller, CancellationToken cancellationToken)
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        RenewNodeRequest request = new() { CsrDer = Csr(key, _identity) };
        using AsyncUnaryCall<CertificateResponse> call = new CertificateService.CertificateServiceClient(controller).RenewNodeAsync(request, Options(cancellationToken));
        return Take(await call.ResponseAsync, key);
    }

    private async Task<string> ReadTokenAsync(string file, CancellationToken cancellationToken)
    {
        string remedy = $"make one with `culvert-controller token create --node {_node}`";
        try
        {
            string token = (await File.ReadAllTextAsync(file, cancellationToken)).Trim();
            return token.Length > 0 ? token : throw new InvalidOperationException($"--join-token-file {file}: the file is empty; {remedy}");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new InvalidOperationException($"--join-token-file {file}: {e.Message.TrimEnd('.')}; {remedy}", e);
        }
    }

    private static Google.Protobuf.ByteString Csr(ECDsa key, SpiffeId? identity) => Google.Protobuf.ByteString.CopyFrom(CsrIdentity.Create(key, identity));

    private CallOptions Options(CancellationToken cancellationToken) =>
        new(deadline: _time.GetUtcNow().UtcDateTime.AddSeconds(60), cancellationToken: cancellationToken);

    /// <summary>Takes what is believed no more.</summary>
    /// <returns>Whether the certificate is of that, and was not said to be before.</returns>
    internal bool Revoke(RevokedCredentials revoked)
    {
        bool before = IsRevoked;
        _revoked = revoked;
        return !before && IsRevoked;
    }

    /// <summary>Notes why there is no other certificate, until one comes.</summary>
    internal void NoteFailure(string reason) => _lastError = reason;

    /// <summary>Writes the certificate in use down when that has failed before; nothing depends on it but the next start.</summary>
    internal void SaveAgain()
    {
        if (_unsaved is not null) Save(_unsaved);
    }

    // In use first, on disk then: a full disk must not cost a node its certificate, nor a token that is used up.
    private X509Certificate2 Take(CertificateResponse response, ECDsa key)
    {
        if (response.ChainDer.Count == 0) throw new InvalidOperationException("the controller answered without a certificate");
        StringBuilder pem = new();
        foreach (Google.Protobuf.ByteString der in response.ChainDer) pem.AppendLine(PemEncoding.WriteString("CERTIFICATE", der.Span));
        pem.AppendLine(key.ExportPkcs8PrivateKeyPem());
        Use(pem.ToString(), _time.GetUtcNow());
        Save(pem.ToString());
        return _current!;
    }

    private void Save(string pem)
    {
        try
        {
            StateFile.Write(_path, Encoding.ASCII.GetBytes(pem));
            _unsaved = null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            _metrics?.StateWritesFailed.With("node-certificate").Increment();
            if (_unsaved is null) NodeCredentialsLog.NotSaved(_logger, _path, e.Message);
            _unsaved = pem;
        }
    }

    /// <exception cref="InvalidDataException">The key is not the certificate's, or the certificate is not this node's.</exception>
    private void Use(string pem, DateTimeOffset? receivedAt)
    {
        X509Certificate2 certificate;
        X509Certificate2Collection all = [];
        try
        {
            // Refuses a key that is not the certificate's.
            certificate = X509Certificate2.CreateFromPem(pem, pem);
            all.ImportFromPem(pem);
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException)
        {
            throw new InvalidDataException(e.Message, e);
        }

        if (!SvidReader.TryRead(certificate, out SpiffeId? id) || id != SpiffeId.ForNode(id.TrustDomain, _node))
        {
            // Whole, and another node's: that one needs it, and would be locked out without.
            if (id?.Node is { } other)
                throw new AgentStartException($"--node {_node}", $"{_path} is the certificate of node {other}", $"give --node {other}, or a --state-dir of its own; where this machine is {_node} from now on, remove the file and join with a token");
            throw new InvalidDataException($"its identity is {id?.ToString() ?? "none"}, not node {_node}'s");
        }

        KnownIntermediates = [.. all.Skip(1)];
        (_current, _identity) = (certificate, id);
        (_held, _lastError) = (new NodeSvid(id, (_held?.Version ?? 0) + 1, [.. all.Select(c => c.RawData)], receivedAt), null);
        WhyUnusable = null;
    }

    private void Load()
    {
        try
        {
            if (StateFile.Read(_path) is { } content) Use(Encoding.ASCII.GetString(content.Span), receivedAt: null);
        }
        catch (Exception e) when (e is InvalidDataException or IOException or UnauthorizedAccessException)
        {
            WhyUnusable = $"{_path} can't be used: {e.Message.TrimEnd('.')}";
            NodeCredentialsLog.FileCorrupt(_logger, _path, e.Message, StateFile.SetAside(_path, _time.GetUtcNow()));
        }
    }
}

internal static partial class NodeCredentialsLog
{
    [LoggerMessage(EventId = LogEventIds.NodeCredentialsFileCorrupt, Level = LogLevel.Error, Message = "{Path} can't be used ({Reason}); set aside as {Aside}, the node joins again")]
    internal static partial void FileCorrupt(ILogger logger, string path, string reason, string aside);

    [LoggerMessage(EventId = LogEventIds.NodeCredentialsNotSaved, Level = LogLevel.Error, Message = "{Path} can't be written, which is tried again: {Reason}; the certificate is in use, an agent that starts again may have to join")]
    internal static partial void NotSaved(ILogger logger, string path, string reason);

    [LoggerMessage(EventId = LogEventIds.NotRenewed, Level = LogLevel.Warning, Message = "the node certificate is not renewed ({Reason}); it is valid until {NotAfter:O} and this is tried again")]
    internal static partial void NotRenewed(ILogger logger, string reason, DateTimeOffset notAfter);
}
