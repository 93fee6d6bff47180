using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Culvert.Grpc;
using Culvert.Protocol;
using Culvert.Protocol.V1;
using Microsoft.Extensions.Logging;

namespace Culvert.NodeAgent.Identity;

/// <summary>
/// The node's own certificate towards the controller, kept in a 0600 file of the state folder so that a restarted agent needs no new
/// token. Used under the lock of <see cref="ControllerLink"/>.
/// </summary>
internal sealed class NodeCredentials
{
    private readonly string _node;
    private readonly string _path;
    private readonly string? _tokenFile;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private X509Certificate2? _current;

    internal NodeCredentials(string node, string stateFolder, string? tokenFile, TimeProvider time, ILogger logger)
    {
        (_node, _path, _tokenFile, _time, _logger) = (node, Path.Combine(stateFolder, "node.pem"), tokenFile, time, logger);
        Load();
    }

    /// <summary>The certificate with its key, or null when the node must join (again).</summary>
    internal X509Certificate2? Current => _current is not null && new DateTimeOffset(_current.NotAfter) > _time.GetUtcNow() ? _current : null;

    /// <summary>Certificates between the node's and the root.</summary>
    internal X509Certificate2Collection KnownIntermediates { get; } = [];

    /// <summary>True past two thirds of the certificate's life.</summary>
    internal bool IsDue => _current is not null && _time.GetUtcNow() > RotationSchedule.RenewAt(new DateTimeOffset(_current.NotBefore), new DateTimeOffset(_current.NotAfter), 0.5);

    /// <summary>Joins with the token of the token file.</summary>
    internal async Task<X509Certificate2> JoinAsync(CallInvoker controller, CancellationToken cancellationToken)
    {
        if (_tokenFile is null) throw new InvalidOperationException($"node {_node} has no certificate and no join token; give it one with --join-token-file");
        string token = await ReadTokenAsync(_tokenFile, cancellationToken);
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        JoinNodeRequest request = new() { Token = token, Node = _node, CsrDer = Csr(key) };
        using AsyncUnaryCall<CertificateResponse> call = controller.AsyncUnaryCall(CertificateService.JoinNode, null, Options(cancellationToken), request);
        return Take(await call.ResponseAsync, key);
    }

    /// <summary>Renews over a connection that showed the current certificate.</summary>
    internal async Task<X509Certificate2> RenewAsync(CallInvoker controller, CancellationToken cancellationToken)
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        RenewNodeRequest request = new() { CsrDer = Csr(key) };
        using AsyncUnaryCall<CertificateResponse> call = controller.AsyncUnaryCall(CertificateService.RenewNode, null, Options(cancellationToken), request);
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

    private static Google.Protobuf.ByteString Csr(ECDsa key) =>
        Google.Protobuf.ByteString.CopyFrom(new CertificateRequest("O=Culvert", key, HashAlgorithmName.SHA256).CreateSigningRequest());

    private CallOptions Options(CancellationToken cancellationToken) =>
        new(deadline: _time.GetUtcNow().UtcDateTime.AddSeconds(60), cancellationToken: cancellationToken);

    private X509Certificate2 Take(CertificateResponse response, ECDsa key)
    {
        if (response.ChainDer.Count == 0) throw new InvalidOperationException("the controller answered without a certificate");
        System.Text.StringBuilder pem = new();
        foreach (Google.Protobuf.ByteString der in response.ChainDer) pem.AppendLine(PemEncoding.WriteString("CERTIFICATE", der.Span));
        pem.AppendLine(key.ExportPkcs8PrivateKeyPem());
        string next = _path + ".new";
        File.Delete(next);
        using (FileStream file = new(next, new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite }))
        {
            file.Write(System.Text.Encoding.ASCII.GetBytes(pem.ToString()));
            file.Flush(flushToDisk: true);
        }
        File.Move(next, _path, overwrite: true);
        Load();
        return _current ?? throw new InvalidOperationException($"the certificate just written to {_path} can't be read");
    }

    private void Load()
    {
        if (!File.Exists(_path)) return;
        try
        {
            _current = X509Certificate2.CreateFromPemFile(_path);
            X509Certificate2Collection all = [];
            all.ImportFromPemFile(_path);
            KnownIntermediates.Clear();
            foreach (X509Certificate2 certificate in all.Skip(1)) KnownIntermediates.Add(certificate);
        }
        catch (CryptographicException e)
        {
            string aside = $"{_path}.corrupt-{_time.GetUtcNow():yyyyMMddHHmmss}";
            File.Move(_path, aside, overwrite: true);
            NodeCredentialsLog.FileCorrupt(_logger, _path, e.Message, aside);
        }
    }
}

internal static partial class NodeCredentialsLog
{
    [LoggerMessage(EventId = 310, Level = LogLevel.Error, Message = "{Path} can't be used ({Reason}); set aside as {Aside}, the node joins again")]
    internal static partial void FileCorrupt(ILogger logger, string path, string reason, string aside);
}
