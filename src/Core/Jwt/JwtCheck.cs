namespace Culvert.Core;

/// <summary>What became of looking for a request's token.</summary>
/// <param name="Error">Why the request is refused; None: it is not.</param>
/// <param name="Token">Its token; null: it has none that counts.</param>
/// <param name="Issuer">The issuer, if it is one that is taken here; null otherwise.</param>
/// <param name="Policy">The object whose rule had the last word; null: none had.</param>
public readonly record struct JwtCheck(JwtError Error, VerifiedJwt? Token = null, string? Issuer = null, NamespacedName? Policy = null);
