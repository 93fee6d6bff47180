using Culvert.Protocol.V1;
using Google.Protobuf;
using Grpc.Core;

namespace Culvert.NodeAgent.Identity;

/// <summary>Has workload certificates, and workloads' tokens, signed by the controller. Thread-safe.</summary>
internal sealed class ControllerIssuer(ControllerLink channel, TimeProvider time) : ICertificateIssuer, IJwtIssuer
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(10);

    public async Task<IssuedCertificate> SignAsync(string workloadUid, ReadOnlyMemory<byte> csr, CancellationToken cancellationToken)
    {
        SignWorkloadRequest request = new() { WorkloadUid = workloadUid, CsrDer = ByteString.CopyFrom(csr.Span) };
        CallOptions options = Options(cancellationToken);
        CertificateResponse response = await channel.CallAsync(
            async controller =>
            {
                using AsyncUnaryCall<CertificateResponse> call = new CertificateService.CertificateServiceClient(controller).SignWorkloadAsync(request, options);
                return await call.ResponseAsync;
            },
            cancellationToken);
        return new IssuedCertificate([.. response.ChainDer.Select(c => c.ToByteArray())], response.NotBefore.ToDateTimeOffset(), response.NotAfter.ToDateTimeOffset());
    }

    public async Task<IssuedJwt> SignJwtAsync(string workloadUid, IReadOnlyList<string> audience, CancellationToken cancellationToken)
    {
        SignJwtRequest request = new() { WorkloadUid = workloadUid, Audience = { audience } };
        CallOptions options = Options(cancellationToken);
        SignJwtResponse response = await channel.CallAsync(
            async controller =>
            {
                using AsyncUnaryCall<SignJwtResponse> call = new CertificateService.CertificateServiceClient(controller).SignJwtAsync(request, options);
                return await call.ResponseAsync;
            },
            cancellationToken);
        if (response.Unsupported.Length > 0) throw new JwtsUnsupportedException(response.Unsupported);
        return new IssuedJwt(response.Identity, response.Token, response.IssuedAt.ToDateTimeOffset(), response.ExpiresAt.ToDateTimeOffset());
    }

    private CallOptions Options(CancellationToken cancellationToken) => new(headers: channel.Headers, deadline: (time.GetUtcNow() + Deadline).UtcDateTime, cancellationToken: cancellationToken);
}
