using Culvert.Controller.Objects;
using Culvert.Core;

namespace Culvert.Controller.Schema;

/// <summary>Reads the filters of rules and of backends. Immutable.</summary>
/// <param name="ofRules">The types that rules of a kind may have.</param>
internal sealed class RouteFiltersReader(params string[] ofRules)
{
    private const int Most = 16;

    // The only one that a rule may have several of.
    private const string Mirror = "RequestMirror";

    // What a backend's filters may be, of those of its rule.
    private static readonly string[] OfBackends = ["RequestHeaderModifier", "ResponseHeaderModifier"];

    /// <summary>Types that the API has, and the mesh has not.</summary>
    public required IReadOnlyList<string> Unsupported { get; init; }

    /// <summary>Reads those of a rule.</summary>
    public HttpRouteFilters Read(FieldReader rule, ObjectMeta meta) => Read(rule, meta, ofRules, "");

    /// <summary>Reads those of a backend.</summary>
    public HttpRouteFilters ReadOfBackend(FieldReader backend, ObjectMeta meta) => Read(backend, meta, OfBackends, " at a backend");

    private HttpRouteFilters Read(FieldReader owner, ObjectMeta meta, string[] types, string where)
    {
        FieldReader[] readers = [.. owner.Maps("filters", mayBeEmpty: true)];
        RequestRouteReader.Limit(owner, "filters", readers.Length, Most);
        HttpRouteFilters filters = HttpRouteFilters.None;
        HashSet<string> seen = [];
        foreach (FieldReader filter in readers)
        {
            if (filter.String("type", required: true) is not { } type) continue;
            if (types.Contains(type))
            {
                if (!seen.Add(type) && type != Mirror) filter.Fail("type", $"{type} is there twice");
                filters = ReadFilter(filter, type, filters, meta);
                filter.Done();
            }
            else if (Unsupported.Contains(type) || ofRules.Contains(type))
            {
                filter.Fail("type", $"{type} is not supported yet{where}");
            }
            else
            {
                filter.Fail("type", $"'{type}' is not one of {string.Join(", ", types)}");
            }
        }
        if (filters.Mirrors.Count > HttpRouteMirror.MostOfRule) owner.Fail("filters", $"has {filters.Mirrors.Count} of RequestMirror; at most {HttpRouteMirror.MostOfRule} are allowed");
        if (filters is { Redirect: not null, Rewrite: not null }) owner.Fail("filters", "can't have both RequestRedirect and URLRewrite: the one answers what the other would send on");
        return filters;
    }

    private static HttpRouteFilters ReadFilter(FieldReader filter, string type, HttpRouteFilters filters, ObjectMeta meta)
    {
        string field = type switch { "URLRewrite" => "urlRewrite", "CORS" => "cors", _ => $"{char.ToLowerInvariant(type[0])}{type[1..]}" };
        if (filter.Map(field, required: true) is not { } reader) return filters;
        return type switch
        {
            "RequestHeaderModifier" => filters with { RequestHeaders = RouteHeaders.Read(reader) },
            "ResponseHeaderModifier" => filters with { ResponseHeaders = RouteHeaders.Read(reader) },
            "RequestRedirect" => filters with { Redirect = RoutePlaceReader.ReadRedirect(reader) },
            "CORS" => filters with { Cors = RouteCorsReader.Read(reader) },
            Mirror when RouteMirrorReader.Read(reader, meta) is { } mirror => filters with { Mirrors = filters.Mirrors.Append(mirror).ToEquatableArray() },
            Mirror => filters,
            _ => filters with { Rewrite = RoutePlaceReader.ReadRewrite(reader) },
        };
    }
}
