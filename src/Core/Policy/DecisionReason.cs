namespace Culvert.Core;

/// <summary>Why a decision came out as it did. Values are stable: they are written into kernel maps and flow records.</summary>
public enum DecisionReason
{
    /// <summary>No decision was made.</summary>
    None = 0,

    /// <summary>An ALLOW rule matched.</summary>
    AllowedByPolicy = 1,

    /// <summary>No ALLOW policy selects the destination and the mesh allows by default.</summary>
    AllowedByDefault = 2,

    /// <summary>The destination is not in the mesh, so no policy applies.</summary>
    NotEnrolled = 3,

    /// <summary>The destination takes authenticated connections only and this one is not.</summary>
    StrictMtls = 4,

    /// <summary>A DENY rule matched.</summary>
    DeniedByPolicy = 5,

    /// <summary>ALLOW policies select the destination and none of their rules matched.</summary>
    NoAllowMatched = 6,

    /// <summary>No ALLOW policy selects the destination and the mesh denies by default, as it always does what is of another trust domain.</summary>
    DeniedByDefault = 7,

    /// <summary>The snapshot names a policy that it does not hold; refused for safety.</summary>
    PolicyMissing = 8,

    /// <summary>NetworkPolicies isolate the destination, and none of them allows it to come in.</summary>
    NetworkPolicyIngress = 9,

    /// <summary>NetworkPolicies isolate the source, and none of them allows it to go out.</summary>
    NetworkPolicyEgress = 10,

    /// <summary>A request has a token that is not good. Of requests only.</summary>
    TokenRefused = 11,

    /// <summary>A RateLimit has no room for a request that is allowed otherwise. Never of a connection.</summary>
    RateLimited = 12,

    /// <summary>An external authorizer does not allow a request that is allowed otherwise. Never of a connection.</summary>
    DeniedByAuthorizer = 13,

    /// <summary>An external authorizer could not be asked about a request. Never of a connection.</summary>
    AuthorizerFailed = 14,

    /// <summary>A rate limit service could not be asked about a request. Never of a connection.</summary>
    LimitServiceFailed = 15,
}
