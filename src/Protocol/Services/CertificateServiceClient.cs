using Culvert.Grpc;
using Culvert.Protocol.V1;

namespace Culvert.Protocol;

/// <summary>Client side of culvert.v1.CertificateService. Safe for any number of threads. Failures are <see cref="RpcException"/>.</summary>
/// <param name="invoker">Where calls go.</param>
public sealed class CertificateServiceClient(CallInvoker invoker)
{
    /// <summary>Signs for a workload placed on the calling node.</summary>
    public AsyncUnaryCall<CertificateResponse> SignWorkloadAsync(SignWorkloadRequest request, CallOptions options = default) =>
        invoker.AsyncUnaryCall(CertificateService.SignWorkload, null, options, request);

    /// <summary>Gives a node its first certificate for a join token.</summary>
    public AsyncUnaryCall<CertificateResponse> JoinNodeAsync(JoinNodeRequest request, CallOptions options = default) =>
        invoker.AsyncUnaryCall(CertificateService.JoinNode, null, options, request);

    /// <summary>Gives the calling node a fresh certificate.</summary>
    public AsyncUnaryCall<CertificateResponse> RenewNodeAsync(RenewNodeRequest request, CallOptions options = default) =>
        invoker.AsyncUnaryCall(CertificateService.RenewNode, null, options, request);
}
