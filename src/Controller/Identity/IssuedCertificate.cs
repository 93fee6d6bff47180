using System.Collections.Immutable;
using Culvert.Core;

namespace Culvert.Controller.Identity;

/// <summary>A certificate that was signed.</summary>
/// <param name="Identity">The identity in it.</param>
/// <param name="Chain">DER, leaf first, without the root.</param>
/// <param name="NotBefore">Begin of validity; a little in the past for clocks that are behind.</param>
/// <param name="NotAfter">End of validity.</param>
public sealed record IssuedCertificate(SpiffeId Identity, ImmutableArray<ReadOnlyMemory<byte>> Chain, DateTimeOffset NotBefore, DateTimeOffset NotAfter);
