using Culvert.Core;

namespace Culvert.NodeAgent.Identity;

/// <summary>How it stands with the certificate of an identity. Immutable.</summary>
/// <param name="Id">The identity.</param>
/// <param name="Svid">The certificate in use; null: there is none.</param>
/// <param name="LastError">Why the last attempt to have one has failed; null when it has not.</param>
/// <param name="NextAttempt">When it will be asked for next, UTC; null: that is being done.</param>
public sealed record SvidState(SpiffeId Id, Svid? Svid, string? LastError, DateTimeOffset? NextAttempt);
