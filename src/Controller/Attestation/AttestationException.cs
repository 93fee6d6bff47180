namespace Culvert.Controller.Attestation;

/// <summary>Evidence was not accepted.</summary>
/// <param name="reason">Why.</param>
/// <param name="message">The same for people; whoever has shown it is told it.</param>
/// <param name="innerException">The cause, or null.</param>
public sealed class AttestationException(AttestationFailure reason, string message, Exception? innerException = null) : Exception(message, innerException)
{
    /// <summary>Why.</summary>
    public AttestationFailure Reason { get; } = reason;

    /// <summary>When to come again at the earliest, where somebody says so; positive. Agents wait as long, and ten minutes at most.</summary>
    public TimeSpan? RetryAfter { get; init; }
}
