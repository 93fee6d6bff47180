namespace Culvert.Core;

/// <summary>A header in which clients send tokens.</summary>
/// <param name="Name">Its name, in lower case.</param>
/// <param name="Prefix">What stands in front of the token, whatever its capitals; empty: nothing. A header that begins otherwise has no token.</param>
public sealed record JwtHeader(string Name, string Prefix);
