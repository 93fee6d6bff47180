using System.Collections.Frozen;
using System.Diagnostics.CodeAnalysis;

namespace Culvert.Core;

/// <summary>
/// The routes for one Service port and one kind of client, in the form in which requests find theirs: whatever their number, a request looks at those of its own path and at expressions. Immutable; may be used by many threads.
/// </summary>
/// <remarks>Precedence is the Gateway API's: the exact path; expressions, the longest first; the longest prefix; and among those of one path what <see cref="HttpRouteEntry.CompareTo"/> says.</remarks>
public sealed class HttpRouteTable
{
    private readonly FrozenDictionary<byte[], HttpRouteEntry[]>.AlternateLookup<ReadOnlySpan<byte>> _exact;
    private readonly FrozenDictionary<byte[], HttpRouteEntry[]>.AlternateLookup<ReadOnlySpan<byte>> _prefixes;
    private readonly FrozenDictionary<byte[], HttpRouteEntry[]>.AlternateLookup<ReadOnlySpan<byte>> _grpcMethods;
    private readonly HttpRouteEntry[] _expressions;

    // At an index whether there is a prefix of that length: paths are as long as a client likes.
    private readonly bool[] _prefixLengths;

    /// <summary>Makes one.</summary>
    /// <param name="routes">The routes, all of one kind.</param>
    /// <exception cref="FormatException">A route has an expression that is none.</exception>
    public HttpRouteTable(IEnumerable<HttpRouteInfo> routes)
    {
        ExpressionPool expressions = new();
        HttpRouteEntry[] entries = [.. routes.SelectMany(route => route.Rules.SelectMany((rule, i) => rule.Matches.Select((_, j) => new HttpRouteEntry(route, i, j, expressions)))).Order()];
        ILookup<RoutePathKind, HttpRouteEntry> byKind = entries.ToLookup(e => e.Match.Path.Kind);
        _exact = ByPath(byKind[RoutePathKind.Exact]);
        _prefixes = ByPath(byKind[RoutePathKind.Prefix]);
        _grpcMethods = ByPath(byKind[RoutePathKind.GrpcMethod]);
        _expressions = [.. byKind[RoutePathKind.Expression].OrderByDescending(e => e.Path.Length)];
        _prefixLengths = new bool[byKind[RoutePathKind.Prefix].Select(e => e.Path.Length + 1).DefaultIfEmpty().Max()];
        foreach (HttpRouteEntry entry in byKind[RoutePathKind.Prefix]) _prefixLengths[entry.Path.Length] = true;
    }

    /// <summary>Finds the rule that has a request. Allocates nothing.</summary>
    /// <param name="request">The request.</param>
    /// <param name="hit">The rule, when true is returned.</param>
    public bool TryFind(in RoutedRequest request, [NotNullWhen(true)] out HttpRouteHit? hit)
    {
        hit = (FindIn(_exact, request.Path, request) ?? FindExpression(request) ?? FindPrefix(request) ?? FindGrpcMethod(request) ?? FindAny(request))?.Hit;
        return hit is not null;
    }

    private static FrozenDictionary<byte[], HttpRouteEntry[]>.AlternateLookup<ReadOnlySpan<byte>> ByPath(IEnumerable<HttpRouteEntry> entries) => entries
        .GroupBy(e => e.Path, BytesComparer.Instance).ToFrozenDictionary(g => g.Key, g => g.ToArray(), BytesComparer.Instance).GetAlternateLookup<ReadOnlySpan<byte>>();

    private static HttpRouteEntry? FindIn(in FrozenDictionary<byte[], HttpRouteEntry[]>.AlternateLookup<ReadOnlySpan<byte>> paths, ReadOnlySpan<byte> path, in RoutedRequest request) =>
        paths.TryGetValue(path, out HttpRouteEntry[]? entries) ? FirstOf(entries, request) : null;

    private static HttpRouteEntry? FirstOf(HttpRouteEntry[] entries, in RoutedRequest request)
    {
        foreach (HttpRouteEntry entry in entries)
        {
            if (entry.HasRest(request)) return entry;
        }

        return null;
    }

    private HttpRouteEntry? FindExpression(in RoutedRequest request)
    {
        foreach (HttpRouteEntry entry in _expressions)
        {
            if (entry.HasMethod(request) && entry.Expression!.IsMatch(request.Path) && entry.HasRest(request)) return entry;
        }

        return null;
    }

    // The path itself, then what is left when its last segment is taken away, and so on.
    private HttpRouteEntry? FindPrefix(in RoutedRequest request)
    {
        ReadOnlySpan<byte> prefix = request.Path;
        while (true)
        {
            if (prefix.Length < _prefixLengths.Length && _prefixLengths[prefix.Length] && FindIn(_prefixes, prefix, request) is { } entry) return entry;
            int slash = prefix.LastIndexOf((byte)'/');
            if (slash <= 0) return null;
            prefix = prefix[..slash];
        }
    }

    // Routes for all paths; what has no path (OPTIONS *) is meant, too.
    private HttpRouteEntry? FindAny(in RoutedRequest request) => _prefixLengths is [true, ..] ? FindIn(_prefixes, default, request) : null;

    private HttpRouteEntry? FindGrpcMethod(in RoutedRequest request)
    {
        int slash = request.Path.LastIndexOf((byte)'/');
        return slash <= 0 || request.Path[1..slash].Contains((byte)'/') ? null : FindIn(_grpcMethods, request.Path[(slash + 1)..], request);
    }
}
