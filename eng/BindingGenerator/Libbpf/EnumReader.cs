using System.Globalization;
using System.Text.Json;

namespace Culvert.BindingGenerator.Libbpf;

/// <summary>Names and values of an enum: written values come from clang, others count on.</summary>
internal static class EnumReader
{
    internal static IEnumerable<(string Name, decimal Value)> Values(JsonElement declaration)
    {
        decimal next = 0;
        foreach (JsonElement constant in ClangTree.Children(declaration, "EnumConstantDecl"))
        {
            if (Written(constant) is { } value) next = value;
            yield return (ClangTree.Name(constant)!, next++);
        }
    }

    /// <summary>The narrowest of uint, int and ulong that holds all values.</summary>
    internal static string Width(IEnumerable<decimal> values)
        => values.Any(v => v > uint.MaxValue) ? "ulong" : values.Any(v => v < 0) ? "int" : "uint";

    private static decimal? Written(JsonElement element)
    {
        if (!element.TryGetProperty("inner", out JsonElement inner)) return null;
        foreach (JsonElement child in inner.EnumerateArray())
        {
            if (child.GetProperty("kind").GetString() == "ConstantExpr" && child.TryGetProperty("value", out JsonElement value))
                return decimal.Parse(value.GetString()!, CultureInfo.InvariantCulture);
            if (Written(child) is { } nested) return nested;
        }
        return null;
    }
}
