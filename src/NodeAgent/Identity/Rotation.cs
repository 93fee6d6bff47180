namespace Culvert.NodeAgent.Identity;

/// <summary>What came of a renewal that was asked for. Immutable.</summary>
/// <param name="Before">The certificate that was in use, in DER; null: there was none.</param>
/// <param name="After">The one that is in use now; null where there is an error.</param>
/// <param name="Error">Why it is still the one before; null when it is not.</param>
public sealed record Rotation(byte[]? Before, byte[]? After, string? Error)
{
    /// <summary>Time between two renewals of a certificate that people ask for: whoever asks without end must not have the authority sign without end.</summary>
    internal static readonly TimeSpan LeastBetween = TimeSpan.FromSeconds(10);

    /// <summary>Why a certificate is not renewed yet, where it has just come; null when it may be.</summary>
    /// <param name="receivedAt">When it came.</param>
    /// <param name="now">The time.</param>
    internal static string? TooSoon(DateTimeOffset receivedAt, DateTimeOffset now)
    {
        // A clock that was set back says nothing.
        TimeSpan age = now - receivedAt;
        return age < TimeSpan.Zero || age >= LeastBetween ? null : $"its certificate is {age.TotalSeconds:0} s old, and is renewed on demand once in {LeastBetween.TotalSeconds:0} s";
    }
}
