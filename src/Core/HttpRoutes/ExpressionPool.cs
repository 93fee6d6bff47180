namespace Culvert.Core;

/// <summary>The expressions of some routes, each there once, however many matches name it. Not thread-safe.</summary>
internal sealed class ExpressionPool
{
    private readonly Dictionary<string, RouteExpression> _expressions = new(StringComparer.Ordinal);

    /// <summary>One by its text.</summary>
    /// <exception cref="FormatException">It is none.</exception>
    internal RouteExpression Get(string text)
    {
        if (_expressions.TryGetValue(text, out RouteExpression? known)) return known;
        if (!RouteExpression.TryParse(text, out RouteExpression? expression, out string? reason)) throw new FormatException($"'{text}' {reason}");
        _expressions.Add(text, expression);
        return expression;
    }
}
