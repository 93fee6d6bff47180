using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Culvert.Core;
using Culvert.GrpcHosting;
using Culvert.Protocol;
using Culvert.Protocol.V1;
using Google.Protobuf;
using Grpc.Core;
using Grpc.Net.Client;

namespace Culvert.Controller.Tests;

/// <summary>The controller's side of an agent: joins, streams, asks for certificates.</summary>
internal sealed class FakeAgent : IDisposable
{
    private readonly GrpcChannel _channel;
    private readonly Metadata? _headers;
    private readonly string _node;
    private readonly CancellationTokenSource _timeout = new(TimeSpan.FromSeconds(60));
    private AsyncDuplexStreamingCall<SnapshotRequest, SnapshotResponse>? _stream;
    private string _epoch = "";

    private FakeAgent(GrpcChannel channel, string node, Metadata? headers) => (_channel, _node, _headers) = (channel, node, headers);

    /// <summary>The snapshot in force.</summary>
    public NodeSnapshot Snapshot { get; private set; } = new();

    /// <summary>The agent process that it says to be.</summary>
    public string Instance { get; init; } = "i1";

    public CertificateService.CertificateServiceClient Certificates => new(_channel);

    public SnapshotService.SnapshotServiceClient Snapshots => new(_channel);

    public CallOptions Options => new(_headers, cancellationToken: _timeout.Token);

    public static FakeAgent OverSocket(string path, string node, string instance = "i1") => new(ControllerChannel.ForUnixSocket(path), node, ControllerChannel.ForNode(node)) { Instance = instance };

    public static FakeAgent OverTls(ControllerHost controller, string node, SslClientIdentity? identity = null, IReadOnlyList<ReadOnlyMemory<byte>>? roots = null, TimeProvider? time = null) => new(
        ControllerChannel.ForTls(new()
        {
            Address = new Uri($"https://localhost:{controller.EndPoint!.Port}"),
            Roots = () => roots ?? [.. controller.Authority.Roots],
            Identity = () => identity,
            Time = time ?? TimeProvider.System,
        }),
        node,
        null);

    public static (byte[] Csr, ECDsa Key) NewCsr()
    {
        var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        return (new CertificateRequest("", key, HashAlgorithmName.SHA256).CreateSigningRequest(), key);
    }

    /// <summary>Asks again whenever the controller says to come later: it takes only so many reports a second, and lets nobody join in the second of a revocation, as certificates count in whole seconds.</summary>
    public static async Task<T> PatientlyAsync<T>(Func<Task<T>> ask)
    {
        while (true)
        {
            try
            {
                return await ask();
            }
            catch (RpcException e) when (RetryPushback.Of(e) > TimeSpan.Zero)
            {
                await Task.Delay(RetryPushback.Of(e), TestContext.Current.CancellationToken);
            }
        }
    }

    public async Task<SslClientIdentity> JoinAsync(string token)
    {
        (byte[] csr, ECDsa key) = NewCsr();
        CertificateResponse response = await Certificates.JoinNodeAsync(new() { Token = token, Node = _node, CsrDer = ByteString.CopyFrom(csr) }, Options);
        return Identity(response, key);
    }

    public async Task<(SslClientIdentity Identity, IReadOnlyList<ReadOnlyMemory<byte>> Roots)> RenewAsync()
    {
        (byte[] csr, ECDsa key) = NewCsr();
        CertificateResponse response = await Certificates.RenewNodeAsync(new() { CsrDer = ByteString.CopyFrom(csr) }, Options);
        return (Identity(response, key), [.. response.RootsDer.Select(r => (ReadOnlyMemory<byte>)r.ToByteArray())]);
    }

    public static SslClientIdentity Identity(CertificateResponse response, ECDsa key)
    {
        X509Certificate2 leaf = X509CertificateLoader.LoadCertificate(response.ChainDer[0].Span).CopyWithPrivateKey(key);
        return new(leaf, [.. response.ChainDer.Skip(1).Select(c => X509CertificateLoader.LoadCertificate(c.Span))]);
    }

    public Task OpenAsync() => OpenAsync(_node);

    public async Task OpenAsync(string node)
    {
        _stream?.Dispose();
        _stream = Snapshots.Stream(Options);
        try
        {
            await SendHelloAsync(node);
        }
        catch (RpcException)
        {
            // A server that refuses the call may end it before the hello is out; reading tells the reason.
            return;
        }
    }

    private Task SendHelloAsync(string node) =>
        SendAsync(new() { Hello = new() { Node = node, Instance = Instance, AgentVersion = "test", LastVersion = Snapshot.Version, LastEpoch = _epoch } });

    public Task SendAsync(SnapshotRequest request) => _stream!.SendAsync(request, _timeout.Token);

    /// <summary>The next response, not applied and not answered.</summary>
    public async Task<SnapshotResponse> ReceiveAsync() =>
        await _stream!.ResponseStream.MoveNext(_timeout.Token) ? _stream.ResponseStream.Current : throw new InvalidOperationException("The stream has ended.");

    /// <summary>Takes the next response, applies and acknowledges it.</summary>
    public async Task<SnapshotResponse> NextAsync()
    {
        SnapshotResponse response = await ReceiveAsync();
        Snapshot = SnapshotMapping.Apply(Snapshot, _node, response);
        _epoch = response.Epoch;
        await SendAsync(new() { Ack = new() { Version = response.Version } });
        return response;
    }

    /// <summary>Tells which workloads its node can't capture.</summary>
    public Task ReportAsync(params IEnumerable<string> refused) => ReportAsync(new NodeReport { Node = _node, Refused = { refused.Select(uid => new RefusedWorkload { Uid = uid, Reason = "a test" }) } });

    public async Task ReportAsync(NodeReport report) => await Snapshots.ReportAsync(report, Options);

    public void Dispose()
    {
        _stream?.Dispose();
        _channel.Dispose();
        _timeout.Dispose();
    }
}
