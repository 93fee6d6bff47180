namespace Culvert.Core;

/// <summary>What a route asks of a header, or of a parameter of the query.</summary>
/// <param name="Name">Its name; of a header in lower case.</param>
/// <param name="Value">What its value has to be.</param>
/// <param name="IsExpression">Whether that is a regular expression that the whole value has to match (<see cref="RouteExpression"/>).</param>
public sealed record RouteField(string Name, string Value, bool IsExpression = false);
