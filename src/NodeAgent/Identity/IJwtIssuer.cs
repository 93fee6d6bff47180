namespace Culvert.NodeAgent.Identity;

/// <summary>Asks the mesh's authority for tokens of workloads (JWT-SVID.md).</summary>
internal interface IJwtIssuer
{
    /// <summary>Has a token signed for a workload of this node.</summary>
    /// <param name="workloadUid">The workload.</param>
    /// <param name="audience">For whom it is to be.</param>
    /// <param name="cancellationToken">Cancels the request.</param>
    /// <exception cref="JwtsUnsupportedException">There are none in this mesh.</exception>
    Task<IssuedJwt> SignJwtAsync(string workloadUid, IReadOnlyList<string> audience, CancellationToken cancellationToken);
}

/// <summary>A signed token. Immutable.</summary>
/// <param name="Identity">The SPIFFE ID in it.</param>
/// <param name="Token">JWS in its compact form.</param>
/// <param name="IssuedAt">When it was signed, by the controller's clock, UTC.</param>
/// <param name="ExpiresAt">When it ends, UTC.</param>
internal sealed record IssuedJwt(string Identity, string Token, DateTimeOffset IssuedAt, DateTimeOffset ExpiresAt)
{
    /// <summary>The identity and time only: whoever has a token is who it says.</summary>
    public override string ToString() => $"a token of {Identity} until {ExpiresAt:O}";
}
