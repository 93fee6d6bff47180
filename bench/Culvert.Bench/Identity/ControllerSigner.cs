using System.Net;
using System.Security.Cryptography.X509Certificates;
using Culvert.Bench.Measuring;
using Culvert.Bench.Scale;
using Culvert.Protocol;
using Culvert.Protocol.V1;
using Google.Protobuf;
using Grpc.Core;
using Grpc.Net.Client;

namespace Culvert.Bench.Identity;

/// <summary>The controller's authority, asked as a node's agent asks it: over connections with mutual TLS, with several calls at once on each.</summary>
internal sealed class ControllerSigner : ISigner, IDisposable
{
    private const int CallsEach = 16;

    private readonly GrpcChannel[] _channels;
    private readonly CertificateService.CertificateServiceClient[] _clients;
    private readonly SignWorkloadRequest[] _requests;

    /// <param name="node">The node whose workloads they are.</param>
    /// <param name="controller">Where the controller is.</param>
    /// <param name="roots">What its certificate leads to.</param>
    /// <param name="identity">The node's certificate.</param>
    /// <param name="requests">What is to be signed.</param>
    public ControllerSigner(int node, IPEndPoint controller, X509Certificate2Collection roots, SslClientIdentity identity, IReadOnlyList<PreparedRequest> requests)
    {
        _channels = [.. Enumerable.Range(0, Environment.ProcessorCount).Select(_ => AgentChannel.Create(controller, ScaleShape.AgentAddress(node), roots, identity, static _ => { }))];
        _clients = [.. _channels.Select(c => new CertificateService.CertificateServiceClient(c.CreateCallInvoker()))];
        _requests = [.. requests.Select(r => new SignWorkloadRequest { WorkloadUid = r.Uid, CsrDer = ByteString.CopyFrom(r.Csr) })];
    }

    public int Workers => _clients.Length * CallsEach;

    public async ValueTask<ReadOnlyMemory<byte>> SignAsync(int worker, int request, CancellationToken cancellationToken)
    {
        try
        {
            using AsyncUnaryCall<CertificateResponse> call = _clients[worker % _clients.Length].SignWorkloadAsync(_requests[request], cancellationToken: cancellationToken);
            return (await call.ResponseAsync).ChainDer[0].Memory;
        }
        catch (RpcException e) when (!cancellationToken.IsCancellationRequested)
        {
            throw new BenchInvalidException($"The controller did not sign for {_requests[request].WorkloadUid}: {CallFailure.Describe(e)}");
        }
    }

    public void Dispose()
    {
        foreach (GrpcChannel channel in _channels) channel.Dispose();
    }
}
