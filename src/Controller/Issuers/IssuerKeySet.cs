using Culvert.Core;

namespace Culvert.Controller.Issuers;

/// <summary>What is known of the keys at a URL.</summary>
/// <param name="Keys">The last good ones; empty: there were never any.</param>
/// <param name="Error">Why they could not be read the last time; null: they could.</param>
internal sealed record IssuerKeySet(EquatableArray<JwtKey> Keys, string? Error);
