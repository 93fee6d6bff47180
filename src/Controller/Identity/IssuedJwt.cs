namespace Culvert.Controller.Identity;

/// <summary>A JWT-SVID that was signed. Immutable.</summary>
/// <param name="Token">JWS in its compact form.</param>
/// <param name="IssuedAt">When, UTC, in whole seconds.</param>
/// <param name="ExpiresAt">When it ends, UTC, in whole seconds.</param>
public sealed record IssuedJwt(string Token, DateTimeOffset IssuedAt, DateTimeOffset ExpiresAt)
{
    /// <summary>The times only: whoever has a token is who it says.</summary>
    public override string ToString() => $"a token until {ExpiresAt:u}";
}
