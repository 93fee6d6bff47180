namespace Culvert.Core;

/// <summary>A JWT-SVID that was found to be good. Immutable.</summary>
/// <param name="Id">Whose it is.</param>
/// <param name="Claims">What it says: an object of JSON in UTF-8.</param>
/// <param name="Expires">When it ends.</param>
public sealed record VerifiedJwtSvid(SpiffeId Id, ReadOnlyMemory<byte> Claims, DateTimeOffset Expires);
