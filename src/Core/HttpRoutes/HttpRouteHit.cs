namespace Culvert.Core;

/// <summary>The rule that has a request. Immutable.</summary>
public sealed class HttpRouteHit
{
    private readonly HttpRouteEntry _entry;

    internal HttpRouteHit(HttpRouteEntry entry) => _entry = entry;

    /// <summary>The route.</summary>
    public HttpRouteInfo Route => _entry.Route;

    /// <summary>The rule.</summary>
    public HttpRouteRule Rule => _entry.Rule;

    /// <summary>Which of the route's rules it is, from 0.</summary>
    public int RuleIndex => _entry.RuleIndex;

    /// <summary>How much of the path a change of its prefix takes away; 0 where the match is not about a prefix.</summary>
    public int PrefixLength => _entry.Match.Path.Kind == RoutePathKind.Prefix ? _entry.Path.Length : 0;
}
