using Culvert.Grpc;
using Culvert.Protocol.V1;

namespace Culvert.Protocol;

/// <summary>The methods of culvert.v1.CertificateService. Signs certificates for nodes and workloads.</summary>
public static class CertificateService
{
    /// <summary>The full name on the wire.</summary>
    public const string ServiceName = "culvert.v1.CertificateService";

    /// <summary>Signs for a workload placed on the calling node.</summary>
    public static readonly Method<SignWorkloadRequest, CertificateResponse> SignWorkload = new(
        MethodType.Unary, ServiceName, nameof(SignWorkload), ProtobufMarshaller.For(SignWorkloadRequest.Parser), ProtobufMarshaller.For(CertificateResponse.Parser));

    /// <summary>Gives a node its first certificate for a join token.</summary>
    public static readonly Method<JoinNodeRequest, CertificateResponse> JoinNode = new(
        MethodType.Unary, ServiceName, nameof(JoinNode), ProtobufMarshaller.For(JoinNodeRequest.Parser), ProtobufMarshaller.For(CertificateResponse.Parser));

    /// <summary>Gives the calling node a fresh certificate.</summary>
    public static readonly Method<RenewNodeRequest, CertificateResponse> RenewNode = new(
        MethodType.Unary, ServiceName, nameof(RenewNode), ProtobufMarshaller.For(RenewNodeRequest.Parser), ProtobufMarshaller.For(CertificateResponse.Parser));

    /// <summary>Makes an implementation ready to be mapped on a server.</summary>
    public static ServerServiceDefinition BindService(CertificateServiceBase service) => ServerServiceDefinition.CreateBuilder()
        .AddMethod(SignWorkload, service.SignWorkload)
        .AddMethod(JoinNode, service.JoinNode)
        .AddMethod(RenewNode, service.RenewNode)
        .Build();
}
