namespace Culvert.Core;

/// <summary>A cookie by which a client keeps its backend.</summary>
/// <param name="Name">Its name, a token of RFC 6265; at most <see cref="RequestBalancing.MostNameCharacters"/> characters.</param>
/// <param name="Life">How long a client that has none is to keep the one that it is given: whole seconds up to <see cref="LongestLife"/>, zero while its browser runs; null: it is given none.</param>
public sealed record AffinityCookie(string Name, TimeSpan? Life)
{
    /// <summary>The longest time.</summary>
    public static TimeSpan LongestLife { get; } = TimeSpan.FromDays(365);

    /// <summary>Whether the time is in its range.</summary>
    public bool IsValid => RequestBalancing.IsName(Name) && (Life is not { } life || (life >= TimeSpan.Zero && life <= LongestLife));
}
