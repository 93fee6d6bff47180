using Culvert.Core;

namespace Culvert.Controller.Identity;

/// <summary>A certificate was not signed.</summary>
/// <param name="reason">Why.</param>
/// <param name="message">The same for people; an agent is told it.</param>
/// <param name="innerException">The cause, or null.</param>
public sealed class AuthorityException(AuthorityFailure reason, string message, Exception? innerException = null) : Exception(message, innerException)
{
    /// <summary>Why.</summary>
    public AuthorityFailure Reason { get; } = reason;

    /// <summary>When to ask again at the earliest, where the authority says so; positive. Agents wait as long, and ten minutes at most.</summary>
    public TimeSpan? RetryAfter { get; init; }

    /// <summary>The identity that the CSR has to name to be signed; null when that is not what it lacks.</summary>
    public SpiffeId? IdentityToName { get; init; }
}
