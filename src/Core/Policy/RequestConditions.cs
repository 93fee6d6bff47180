using System.Text;

namespace Culvert.Core;

/// <summary>
/// Conditions on a request of HTTP. All that are not empty must be met: a positive list by any of its elements, a negative ("not") one by none. Where a path could be read in several ways, ALLOW needs all to meet them, and for DENY and AUDIT one is enough.
/// </summary>
public sealed record RequestConditions
{
    /// <summary>Methods, in capitals.</summary>
    public EquatableArray<string> Methods { get; init; }

    /// <summary>Methods that it must not have.</summary>
    public EquatableArray<string> NotMethods { get; init; }

    /// <summary>Patterns over the path.</summary>
    public EquatableArray<PathPattern> Paths { get; init; }

    /// <summary>Patterns that the path must not match.</summary>
    public EquatableArray<PathPattern> NotPaths { get; init; }

    /// <summary>Patterns over the host that is asked for, without its port; in lower case.</summary>
    public EquatableArray<StringPattern> Hosts { get; init; }

    /// <summary>Patterns that the host must not match.</summary>
    public EquatableArray<StringPattern> NotHosts { get; init; }

    /// <summary>Conditions on headers; all must be met.</summary>
    public EquatableArray<HeaderCondition> Headers { get; init; }

    /// <summary>Whether they ask for the path.</summary>
    public bool AsksAboutPath => !Paths.IsEmpty || !NotPaths.IsEmpty;

    /// <summary>Whether a request meets them. Allocates nothing.</summary>
    /// <param name="request">The request.</param>
    /// <param name="action">The action of the policy that asks.</param>
    internal bool Match(in RequestHead request, PolicyAction action)
    {
        if (!(Methods.IsEmpty || AnyEquals(Methods, request.Method)) || AnyEquals(NotMethods, request.Method)) return false;
        if (!(Hosts.IsEmpty || AnyMatches(Hosts, request.Host, ignoresCase: true)) || AnyMatches(NotHosts, request.Host, ignoresCase: true)) return false;
        if (AsksAboutPath && !MatchesPath(request, action)) return false;
        foreach (HeaderCondition header in Headers)
        {
            if (!header.Matches(request, action)) return false;
        }

        return true;
    }

    /// <summary>Whether a value matches any of some patterns.</summary>
    internal static bool AnyMatches(EquatableArray<StringPattern> patterns, ReadOnlySpan<byte> value, bool ignoresCase)
    {
        foreach (StringPattern pattern in patterns)
        {
            if (pattern.Matches(value, ignoresCase)) return true;
        }

        return false;
    }

    private bool MatchesPath(in RequestHead request, PolicyAction action)
    {
        for (int i = 0; i < request.Paths.Count; i++)
        {
            if (MatchesPath(request.Paths[i]) != (action == PolicyAction.Allow)) return action != PolicyAction.Allow;
        }

        return action == PolicyAction.Allow;
    }

    private bool MatchesPath(ReadOnlySpan<byte> path) => (Paths.IsEmpty || AnyMatches(Paths, path)) && !AnyMatches(NotPaths, path);

    private static bool AnyMatches(EquatableArray<PathPattern> patterns, ReadOnlySpan<byte> path)
    {
        foreach (PathPattern pattern in patterns)
        {
            if (pattern.Matches(path)) return true;
        }

        return false;
    }

    private static bool AnyEquals(EquatableArray<string> texts, ReadOnlySpan<byte> value)
    {
        foreach (string text in texts)
        {
            if (Ascii.Equals(value, text)) return true;
        }

        return false;
    }
}
