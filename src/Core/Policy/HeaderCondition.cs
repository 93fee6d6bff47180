using System.Text;

namespace Culvert.Core;

/// <summary>
/// A condition on the lines that a request has of one header: without values, that there is one. Where there are several lines, ALLOW needs all of them to be as it says, and for DENY and AUDIT one is enough: what is in doubt is never allowed for it.
/// </summary>
public sealed record HeaderCondition
{
    /// <summary>Its name, in lower case.</summary>
    public required string Name { get; init; }

    /// <summary>Patterns of which a line matches one; empty: any value.</summary>
    public EquatableArray<StringPattern> Values { get; init; }

    /// <summary>Regular expressions, which a line may match in place of one of <see cref="Values"/>.</summary>
    public EquatableArray<RouteExpression> Expressions { get; init; }

    /// <summary>Patterns of which a line matches none. Where it has some, and none that a line has to match, a request without the header meets the condition as well.</summary>
    public EquatableArray<StringPattern> NotValues { get; init; }

    /// <summary>Whether a request meets it.</summary>
    /// <param name="request">The request.</param>
    /// <param name="action">The action of the policy that asks.</param>
    internal bool Matches(in RequestHead request, PolicyAction action)
    {
        bool isThere = false;
        for (int i = 0; i < request.FieldCount; i++)
        {
            request.GetField(i, out ReadOnlySpan<byte> name, out ReadOnlySpan<byte> value);
            if (!Ascii.Equals(name, Name)) continue;
            isThere = true;
            bool matches = (IsAny || RequestConditions.AnyMatches(Values, value, ignoresCase: false) || AnyExpressionMatches(value)) && !RequestConditions.AnyMatches(NotValues, value, ignoresCase: false);
            if (matches != (action == PolicyAction.Allow)) return matches;
        }

        return isThere ? action == PolicyAction.Allow : IsAny && !NotValues.IsEmpty;
    }

    private bool IsAny => Values.IsEmpty && Expressions.IsEmpty;

    private bool AnyExpressionMatches(ReadOnlySpan<byte> value)
    {
        if (value.Length > RouteExpression.MaxPolicyText) return false;
        foreach (RouteExpression expression in Expressions)
        {
            if (expression.IsMatch(value)) return true;
        }

        return false;
    }
}
