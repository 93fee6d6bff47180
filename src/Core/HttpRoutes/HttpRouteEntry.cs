using System.Text;

namespace Culvert.Core;

/// <summary>One match of one rule of one route, in the form in which requests are compared; ordered by what counts first among those of one path. Immutable.</summary>
internal sealed class HttpRouteEntry : IComparable<HttpRouteEntry>
{
    private readonly byte[]? _method;
    private readonly FieldTest[] _headers;
    private readonly FieldTest[] _parameters;
    private readonly int _rule;
    private readonly int _match;

    /// <summary>Makes one.</summary>
    /// <param name="route">The route.</param>
    /// <param name="rule">Which of its rules.</param>
    /// <param name="match">Which of that one's matches.</param>
    /// <param name="expressions">Has its expressions, or gets them.</param>
    /// <exception cref="FormatException">An expression is none.</exception>
    internal HttpRouteEntry(HttpRouteInfo route, int rule, int match, ExpressionPool expressions)
    {
        (Route, _rule, _match) = (route, rule, match);
        Hit = new HttpRouteHit(this);
        HttpRouteMatch wanted = Match;
        _method = wanted.Method is null ? null : Encoding.ASCII.GetBytes(wanted.Method);
        _headers = [.. wanted.Headers.Select(h => new FieldTest(h, expressions))];
        _parameters = [.. wanted.QueryParameters.Select(p => new FieldTest(p, expressions))];
        Path = Encoding.UTF8.GetBytes(Canonical(wanted.Path));
        if (wanted.Path.Kind == RoutePathKind.Expression) Expression = expressions.Get(wanted.Path.Value);
    }

    /// <summary>Its route.</summary>
    internal HttpRouteInfo Route { get; }

    /// <summary>What is said of a request that it has.</summary>
    internal HttpRouteHit Hit { get; }

    /// <summary>Its rule.</summary>
    internal HttpRouteRule Rule => Route.Rules[_rule];

    /// <summary>Which of the route's rules that is.</summary>
    internal int RuleIndex => _rule;

    /// <summary>What it compares a path with: of a prefix without the slash at its end.</summary>
    internal byte[] Path { get; }

    /// <summary>What it compares a path with, if that is an expression.</summary>
    internal RouteExpression? Expression { get; }

    /// <summary>The match itself.</summary>
    internal HttpRouteMatch Match => Rule.Matches[_match];

    /// <summary>Whether a request has the method that it asks for.</summary>
    internal bool HasMethod(in RoutedRequest request) => _method is null || request.Method.SequenceEqual(_method);

    /// <summary>Whether a request has all that it asks for beside the path.</summary>
    internal bool HasRest(in RoutedRequest request)
    {
        if (!HasMethod(request)) return false;
        foreach (FieldTest header in _headers)
        {
            if (!header.IsHeaderOf(request)) return false;
        }

        foreach (FieldTest parameter in _parameters)
        {
            if (!parameter.IsParameterOf(request)) return false;
        }

        return true;
    }

    /// <summary>Which counts first, of two whose paths have the same precedence: one that asks for a method, then for more headers, then for more parameters; of the oldest route, then by its name, then as they are written.</summary>
    public int CompareTo(HttpRouteEntry? other)
    {
        if (other is null) return 1;
        int order = (other._method is not null).CompareTo(_method is not null);
        if (order == 0) order = other._headers.Length.CompareTo(_headers.Length);
        if (order == 0) order = other._parameters.Length.CompareTo(_parameters.Length);
        if (order == 0) order = (Route.Created ?? DateTimeOffset.MaxValue).CompareTo(other.Route.Created ?? DateTimeOffset.MaxValue);
        if (order == 0) order = Route.Name.CompareTo(other.Route.Name);
        if (order == 0) order = _rule.CompareTo(other._rule);
        return order != 0 ? order : _match.CompareTo(other._match);
    }

    // As paths of requests are compared: what needs no code has none, and what is not ASCII has.
    private static string Canonical(RoutePath path)
    {
        if (path.Kind is not (RoutePathKind.Exact or RoutePathKind.Prefix)) return path.Value;
        StringBuilder escaped = new();
        foreach (byte b in Encoding.UTF8.GetBytes(path.Value))
        {
            if (b is > 32 and < 127) escaped.Append((char)b);
            else escaped.Append('%').Append(b.ToString("X2", System.Globalization.CultureInfo.InvariantCulture));
        }

        byte[] written = Encoding.ASCII.GetBytes(escaped.ToString()), room = new byte[written.Length];
        string normal = HttpPath.TryNormalize(written, room, out int length) ? Encoding.ASCII.GetString(room, 0, length) : escaped.ToString();
        return path.Kind == RoutePathKind.Prefix ? normal.TrimEnd('/') : normal;
    }
}
