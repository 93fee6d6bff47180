using Culvert.Controller.Attestation;
using Culvert.Controller.Identity;
using Culvert.Protocol;
using Grpc.Core;

namespace Culvert.Controller.Api;

/// <summary>Failures of authorities and attestors as an agent is told them: a status, and when to ask again.</summary>
internal static class ServiceFailures
{
    public static RpcException ToRpc(AuthorityException failure) => failure.IdentityToName is { } identity
        ? new(new Status(StatusCode.InvalidArgument, failure.Message), new Metadata { { CsrIdentity.TrailerName, identity.ToString() } })
        : ToRpc(failure.Message, failure.RetryAfter, failure.Reason switch
        {
            AuthorityFailure.InvalidRequest => StatusCode.InvalidArgument,
            AuthorityFailure.NotPermitted => StatusCode.PermissionDenied,
            AuthorityFailure.Overloaded => StatusCode.ResourceExhausted,
            AuthorityFailure.Misconfigured => StatusCode.FailedPrecondition,
            _ => StatusCode.Unavailable,
        });

    public static RpcException ToRpc(AttestationException failure) => ToRpc(failure.Message, failure.RetryAfter, failure.Reason switch
    {
        AttestationFailure.Overloaded => StatusCode.ResourceExhausted,
        AttestationFailure.Unavailable => StatusCode.Unavailable,
        _ => StatusCode.PermissionDenied,
    });

    /// <summary>UNAVAILABLE for so long.</summary>
    public static RpcException Unavailable(string reason, TimeSpan? retryAfter = null) => ToRpc(reason, retryAfter, StatusCode.Unavailable);

    /// <summary>RESOURCE_EXHAUSTED for so long.</summary>
    public static RpcException Overloaded(string reason, TimeSpan retryAfter) => ToRpc(reason, retryAfter, StatusCode.ResourceExhausted);

    private static RpcException ToRpc(string reason, TimeSpan? retryAfter, StatusCode code) =>
        retryAfter is { } wait ? new(new Status(code, reason), RetryPushback.Trailers(wait)) : new(new Status(code, reason));
}
