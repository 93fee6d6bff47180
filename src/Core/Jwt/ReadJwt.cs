namespace Culvert.Core;

/// <summary>A token that has been taken apart, and whose signature nobody has looked at yet.</summary>
/// <param name="Algorithm">By what it says that it is signed; null: by none that is known here.</param>
/// <param name="KeyId">The key that it names; null: none.</param>
/// <param name="Claims">What it says.</param>
/// <param name="SignedLength">How many of its first bytes are signed.</param>
/// <param name="Signature">The signature.</param>
internal sealed record ReadJwt(JwtAlgorithm? Algorithm, string? KeyId, JwtClaims Claims, int SignedLength, byte[] Signature);
