using System.Runtime.CompilerServices;
using Culvert.Core;

namespace Culvert.Controller.Objects;

/// <summary>An HTTPRouteGroup of SMI (specs.smi-spec.io): kinds of requests, which TrafficTargets and TrafficSplits name.</summary>
/// <param name="Meta">Its metadata.</param>
internal sealed record HttpRouteGroupObject(ObjectMeta Meta) : MeshObject(ObjectKind.HTTPRouteGroup, Meta)
{
    /// <summary>What a request has to be to be of the group: one of these; never empty.</summary>
    public EquatableArray<Match> Matches { get; init; }

    /// <summary>How large the expressions of its matches are together (<see cref="RouteExpression.Positions"/>).</summary>
    public int ExpressionPositions { get; init; }

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
        public RequestConditions ToConditions() => Made.GetValue(this, static match => match.MakeConditions());

        // Making expressions takes long, and they are counted and compiled for each TrafficTarget that names the group.
        private static readonly ConditionalWeakTable<Match, RequestConditions> Made = new();

        private RequestConditions MakeConditions() => new()
        {
            Methods = Methods,
            Paths = Path is { IsAny: false } path ? [path] : [],
            Headers = Headers.Select(ToCondition).ToEquatableArray(),
        };

        /// <summary>It, as routes ask for it: of these a request has to be one.</summary>
        public IEnumerable<HttpRouteMatch> ToMatches()
        {
            HttpRouteMatch any = new() { Path = Path is { } path ? ToRoutePath(path) : RoutePath.Any, Headers = Headers.Select(ToExactField).ToEquatableArray() };
            return Methods.IsEmpty ? [any] : Methods.Select(m => any with { Method = m });
        }

        private static RoutePath ToRoutePath(PathPattern path) => path.IsAny ? RoutePath.Any : path.IsExact ? new(RoutePathKind.Exact, path.Text) : new(RoutePathKind.Expression, path.ToWholeExpression());

        private static RouteField ToExactField(RouteField header) =>
            PlainExpression.TryParse(header.Value, out PlainExpression plain) && plain is { AnyBefore: false, AnyAfter: false, Literal.Length: > 0 } ? new(header.Name, plain.Literal) : header;

        // Without patterns there has to be such a header.
        private static HeaderCondition ToCondition(RouteField header)
        {
            HeaderCondition condition = new() { Name = header.Name };
            if (PlainExpression.TryParse(header.Value, out PlainExpression plain) && plain.Literal.IndexOf('*', StringComparison.Ordinal) < 0)
            {
                if (plain.Literal.Length == 0 && plain.AnyBefore) return condition;
                string text = $"{(plain.AnyBefore ? "*" : "")}{plain.Literal}{(plain.AnyAfter ? "*" : "")}";
                if (StringPattern.TryParse(text, out StringPattern pattern, out _)) return condition with { Values = [pattern] };
            }

            return condition with { Expressions = [ToExpression(header.Value)] };
        }

        private static RouteExpression ToExpression(string text) =>
            RouteExpression.TryParseForPolicy(text, out RouteExpression? expression, out string? reason) ? expression : throw new FormatException($"'{text}' {reason}");
    }
}
