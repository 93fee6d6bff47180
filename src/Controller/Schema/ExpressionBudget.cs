using Culvert.Core;

namespace Culvert.Controller.Schema;

/// <summary>Counts how large the expressions of an object are together: a request may have to be compared with all of them, and others wait meanwhile. Not thread-safe.</summary>
internal sealed class ExpressionBudget
{
    /// <summary>Most positions (<see cref="RouteExpression.Positions"/>) of the expressions of an HTTPRoute, GRPCRoute or HTTPRouteGroup.</summary>
    public const int MostPositions = 4096;

    /// <summary>How many there are so far.</summary>
    public int Positions { get; private set; }

    /// <summary>Counts those of a match, and reports the first with which they are too many.</summary>
    public void Count(FieldReader reader, HttpRouteMatch match) =>
        Count(reader, match.Headers.Concat(match.QueryParameters).Where(f => f.IsExpression).Select(f => f.Value).Concat(match.Path.Kind == RoutePathKind.Expression ? [match.Path.Value] : []));

    /// <summary>Counts some of a match, and reports the first match with which they are too many.</summary>
    public void Count(FieldReader reader, IEnumerable<string> expressions)
    {
        int before = Positions;
        foreach (string expression in expressions)
        {
            if (RouteExpression.TryMeasure(expression, out int positions, out _)) Positions += positions;
        }
        if (before <= MostPositions && Positions > MostPositions) reader.Fail("", $"with it, the expressions of the object have {Positions} characters and classes, counted as often as they are repeated; at most {MostPositions} are allowed");
    }
}
