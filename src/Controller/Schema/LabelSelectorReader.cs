using Culvert.Controller.Objects;
using Culvert.Core;

namespace Culvert.Controller.Schema;

/// <summary>Reads a meta/v1 LabelSelector. Keys and values with characters that no label has are errors: they would match nothing, or everything.</summary>
internal static class LabelSelectorReader
{
    /// <summary>Reads what stands where a selector is; null is an empty one where the field is not there.</summary>
    public static LabelSelector Read(FieldReader? selector)
    {
        if (selector is null) return LabelSelector.Everything;
        var read = new LabelSelector
        {
            MatchLabels = selector.Strings("matchLabels"),
            MatchExpressions = selector.Maps("matchExpressions", mayBeEmpty: true).Select(ReadRequirement).OfType<LabelRequirement>().ToEquatableArray(),
        };
        foreach ((string key, string value) in read.MatchLabels)
        {
            if ((Names.LabelKey(key) ?? Names.LabelValue(value)) is { } error) selector.Fail("matchLabels", error);
        }
        selector.Done();
        return read;
    }

    private static LabelRequirement? ReadRequirement(FieldReader expression)
    {
        string? key = expression.String("key", Names.LabelKey, required: true);
        // Operators are told by their case, as the API server does.
        string? named = expression.String("operator", o => Enum.GetNames<LabelOperator>().Contains(o, StringComparer.Ordinal) ? null : $"'{o}' is not one of {string.Join(", ", Enum.GetNames<LabelOperator>())}", required: true);
        EquatableArray<string> values = expression.List<string>("values", static (string text, out string value) => Names.LabelValue(value = text), mayBeEmpty: true);
        expression.Done();
        if (key is null || named is null) return null;
        LabelOperator op = Enum.Parse<LabelOperator>(named);
        bool takesValues = op is LabelOperator.In or LabelOperator.NotIn;
        if (takesValues == values.IsEmpty) expression.Fail("values", takesValues ? $"must not be empty for {op}" : $"must be empty for {op}");
        return new(key, op, values);
    }
}
