using System.Globalization;

namespace Culvert.BindingGenerator;

/// <summary>C names to C# names.</summary>
internal static class Naming
{
    private static readonly HashSet<string> Keywords = new(StringComparer.Ordinal)
    {
        "object", "in", "out", "ref", "event", "base", "params", "string", "lock", "fixed", "is", "as", "new", "this", "operator", "checked", "internal",
    };

    /// <summary>snake_case or SNAKE_CASE to PascalCase.</summary>
    internal static string Pascal(string name) => string.Concat(name.Split('_', StringSplitOptions.RemoveEmptyEntries)
        .Select(w => char.ToUpperInvariant(w[0]) + (w.Length > 1 && !w.Any(char.IsLower) ? w[1..].ToLower(CultureInfo.InvariantCulture) : w[1..])));

    /// <summary>A C identifier as it is, marked where C# reserves it.</summary>
    internal static string Escape(string name) => Keywords.Contains(name) ? $"@{name}" : name;
}
