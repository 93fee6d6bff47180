using Culvert.Core;
using Wire = Culvert.Protocol.V1;

namespace Culvert.Protocol;

/// <summary>Conditions on requests between model and wire.</summary>
internal static class RequestConditionsMapping
{
    // Stands on both sides of an expression among values, which no pattern has: agents that don't know expressions refuse it.
    private const char ExpressionMark = '*';

    /// <summary>The wire form.</summary>
    internal static Wire.RequestConditions ToWire(this RequestConditions conditions)
    {
        var wire = new Wire.RequestConditions();
        wire.Methods.AddRange(conditions.Methods);
        wire.NotMethods.AddRange(conditions.NotMethods);
        wire.Paths.AddRange(conditions.Paths.Select(p => p.Text));
        wire.NotPaths.AddRange(conditions.NotPaths.Select(p => p.Text));
        wire.Hosts.AddRange(conditions.Hosts.Select(p => p.Text));
        wire.NotHosts.AddRange(conditions.NotHosts.Select(p => p.Text));
        foreach (HeaderCondition header in conditions.Headers)
        {
            var wireHeader = new Wire.HeaderCondition { Name = header.Name };
            wireHeader.Values.AddRange(header.Values.Select(p => p.Text));
            wireHeader.Values.AddRange(header.Expressions.Select(e => $"{ExpressionMark}{e.Text}{ExpressionMark}"));
            wireHeader.NotValues.AddRange(header.NotValues.Select(p => p.Text));
            wire.Headers.Add(wireHeader);
        }

        return wire;
    }

    /// <summary>The model.</summary>
    /// <exception cref="FormatException">A field holds a value that is not allowed.</exception>
    internal static RequestConditions ToModel(this Wire.RequestConditions conditions) => new()
    {
        Methods = conditions.Methods.ToEquatableArray(),
        NotMethods = conditions.NotMethods.ToEquatableArray(),
        Paths = conditions.Paths.Select(PathPattern.ParseAny).ToEquatableArray(),
        NotPaths = conditions.NotPaths.Select(PathPattern.ParseAny).ToEquatableArray(),
        Hosts = ToPatterns(conditions.Hosts),
        NotHosts = ToPatterns(conditions.NotHosts),
        Headers = conditions.Headers.Select(ToModel).ToEquatableArray(),
    };

    private static HeaderCondition ToModel(Wire.HeaderCondition header) => new()
    {
        Name = FieldMapping.Required(header.Name, "headers.name"),
        Values = ToPatterns(header.Values.Where(v => !IsExpression(v))),
        Expressions = header.Values.Where(IsExpression).Select(ToExpression).ToEquatableArray(),
        NotValues = ToPatterns(header.NotValues),
    };

    private static bool IsExpression(string value) => value.Length > 1 && value[0] == ExpressionMark && value[^1] == ExpressionMark;

    private static RouteExpression ToExpression(string value) =>
        RouteExpression.TryParseForPolicy(value[1..^1], out RouteExpression? expression, out string? reason) ? expression : throw new FormatException($"'{value}' {reason}");

    private static EquatableArray<StringPattern> ToPatterns(IEnumerable<string> patterns) => patterns.Select(StringPattern.Parse).ToEquatableArray();
}
