namespace Culvert.Core;

/// <summary>How a backend is picked for each request of HTTP to a Service port.</summary>
/// <param name="Mode">How.</param>
public sealed record RequestBalancing(RequestBalancingMode Mode)
{
    /// <summary>Most characters that names of headers and cookies have.</summary>
    public const int MostNameCharacters = 256;

    /// <summary>For <see cref="RequestBalancingMode.Hash"/>: the header whose value counts, its name in lower case; null: another thing does.</summary>
    public string? Header { get; init; }

    /// <summary>For <see cref="RequestBalancingMode.Hash"/>: the cookie whose value counts; null: another thing does. It counts for requests without the header; where neither is named, it is the client's address.</summary>
    public AffinityCookie? Cookie { get; init; }

    /// <summary>How long a backend that is new, or was left out, gets less than its share: up to <see cref="LongestSlowStart"/>, zero for never.</summary>
    public TimeSpan SlowStart { get; init; }

    /// <summary>Whether backends of the client's zone get its requests while enough of them are well.</summary>
    public bool PrefersZone { get; init; }

    /// <summary>The longest <see cref="SlowStart"/>.</summary>
    public static TimeSpan LongestSlowStart { get; } = TimeSpan.FromHours(1);

    /// <summary>Whether all is in its range.</summary>
    public bool IsValid => Enum.IsDefined(Mode) && SlowStart >= TimeSpan.Zero && SlowStart <= LongestSlowStart && Cookie?.IsValid != false && (Header is null || IsName(Header));

    /// <summary>Whether a text can be the name of a header or a cookie.</summary>
    internal static bool IsName(string name) => name.Length <= MostNameCharacters && HttpToken.Is(name);
}
