using Culvert.Core;

namespace Culvert.Controller.Objects;

/// <summary>An HTTPRouteGroup of SMI (specs.smi-spec.io): kinds of requests, which TrafficTargets and TrafficSplits name.</summary>
/// <param name="Meta">Its metadata.</param>
internal sealed record HttpRouteGroupObject(ObjectMeta Meta) : MeshObject(ObjectKind.HTTPRouteGroup, Meta)
{
    /// <summary>What a request has to be to be of the group: one of these; never empty.</summary>
    public EquatableArray<Match> Matches { get; init; }

    /// <summary>What a request has to be; all that is set counts.</summary>
    /// <param name="Name">What TrafficTargets call it; each there once.</param>
    internal sealed record Match(string Name)
    {
        /// <summary>A regular expression of which the path has to match a beginning; null: any path.</summary>
        public PathPattern? Path { get; init; }

        /// <summary>Methods; empty: any.</summary>
        public EquatableArray<string> Methods { get; init; }

        /// <summary>Headers that it has, each name once, in lower case, with an expression that the whole value has to match.</summary>
        public EquatableArray<RouteField> Headers { get; init; }

        /// <summary>It, as policies ask for it.</summary>
        public RequestConditions ToConditions() => new()
        {
            Methods = Methods,
            Paths = Path is { } path ? [path] : [],
            Headers = Headers.Select(h => new HeaderCondition { Name = h.Name, Expressions = [ToExpression(h.Value)] }).ToEquatableArray(),
        };

        /// <summary>It, as routes ask for it: of these a request has to be one.</summary>
        public IEnumerable<HttpRouteMatch> ToMatches()
        {
            HttpRouteMatch any = new() { Path = Path is { } path ? new(RoutePathKind.Expression, path.ToWholeExpression()) : RoutePath.Any, Headers = Headers };
            return Methods.IsEmpty ? [any] : Methods.Select(m => any with { Method = m });
        }

        private static RouteExpression ToExpression(string text) =>
            RouteExpression.TryParseForPolicy(text, out RouteExpression? expression, out string? reason) ? expression : throw new FormatException($"'{text}' {reason}");
    }
}
