using System.Net;
using System.Security.Cryptography.X509Certificates;
using Culvert.Bench.Scale;
using Culvert.NodeAgent.Identity;
using Culvert.Protocol;
using Culvert.Protocol.V1;
using Google.Protobuf;
using Grpc.Core;
using Grpc.Net.Client;

namespace Culvert.Bench.Identity;

/// <summary>How a simulated node has certificates signed: as an agent does, over one connection where that has room, and with the agent's deadline.</summary>
/// <param name="node">Number of the node.</param>
/// <param name="controller">Where the controller is.</param>
/// <param name="roots">What its certificate leads to.</param>
/// <param name="identity">The node's certificate.</param>
/// <param name="failed">Told of each call that has failed; it is made again.</param>
internal sealed class NodeIssuer(int node, IPEndPoint controller, X509Certificate2Collection roots, SslClientIdentity identity, Action<string> failed) : ICertificateIssuer, IDisposable
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(10);

    private readonly GrpcChannel _channel = AgentChannel.Create(controller, ScaleShape.AgentAddress(node), roots, identity, static _ => { });

    public async Task<IssuedCertificate> SignAsync(string workloadUid, ReadOnlyMemory<byte> csr, CancellationToken cancellationToken)
    {
        SignWorkloadRequest request = new() { WorkloadUid = workloadUid, CsrDer = ByteString.CopyFrom(csr.Span) };
        CallOptions options = new(deadline: (TimeProvider.System.GetUtcNow() + Deadline).UtcDateTime, cancellationToken: cancellationToken);
        try
        {
            using AsyncUnaryCall<CertificateResponse> call = new CertificateService.CertificateServiceClient(_channel.CreateCallInvoker()).SignWorkloadAsync(request, options);
            CertificateResponse response = await call.ResponseAsync;
            return new([.. response.ChainDer.Select(c => c.ToByteArray())], response.NotBefore.ToDateTimeOffset(), response.NotAfter.ToDateTimeOffset());
        }
        catch (RpcException e) when (!cancellationToken.IsCancellationRequested)
        {
            failed(CallFailure.Describe(e));
            throw;
        }
    }

    public void Dispose() => _channel.Dispose();
}
