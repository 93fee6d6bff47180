using Culvert.Grpc;
using Culvert.Protocol.V1;

namespace Culvert.Protocol;

/// <summary>Server side of culvert.v1.CertificateService; each call may run beside others.</summary>
public abstract class CertificateServiceBase
{
    /// <summary>Signs for a workload placed on the calling node.</summary>
    public abstract Task<CertificateResponse> SignWorkload(SignWorkloadRequest request, ServerCallContext context);

    /// <summary>Gives a node its first certificate for a join token.</summary>
    public abstract Task<CertificateResponse> JoinNode(JoinNodeRequest request, ServerCallContext context);

    /// <summary>Gives the calling node a fresh certificate.</summary>
    public abstract Task<CertificateResponse> RenewNode(RenewNodeRequest request, ServerCallContext context);
}
