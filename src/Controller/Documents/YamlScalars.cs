using System.Globalization;

namespace Culvert.Controller.Documents;

/// <summary>Resolves plain scalars of YAML (1.2, core schema, without numbers that are not decimal).</summary>
internal static class YamlScalars
{
    private const NumberStyles Float = NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent;

    /// <summary>The type that a scalar without quotes has.</summary>
    public static ScalarKind KindOf(string text) => text switch
    {
        "" or "~" or "null" or "Null" or "NULL" => ScalarKind.Null,
        "true" or "True" or "TRUE" or "false" or "False" or "FALSE" => ScalarKind.Boolean,
        _ => IsNumber(text) ? ScalarKind.Number : ScalarKind.String,
    };

    private static bool IsNumber(string text) => (char.IsAsciiDigit(text[0]) || text[0] is '-' or '+' or '.')
        && (long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out _) || double.TryParse(text, Float, CultureInfo.InvariantCulture, out _));
}
