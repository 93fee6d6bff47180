using System.Globalization;

namespace Culvert.Controller.Yaml;

/// <summary>A scalar. Plain scalars have the type their text resolves to (YAML 1.2 core schema); quoted ones are strings.</summary>
internal sealed record YamlScalar(int Line, string Text, bool Quoted) : YamlValue(Line)
{
    public bool IsNull => !Quoted && Text is "" or "~" or "null" or "Null" or "NULL";

    public bool IsString => Quoted || (!IsNull && AsBool() is null && AsInteger() is null && !IsFloat());

    public bool? AsBool() => Quoted ? null : Text switch
    {
        "true" or "True" or "TRUE" => true,
        "false" or "False" or "FALSE" => false,
        _ => null,
    };

    public long? AsInteger() =>
        !Quoted && long.TryParse(Text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long value) ? value : null;

    public double? AsNumber() => !Quoted && IsFloat() ? double.Parse(Text, CultureInfo.InvariantCulture) : null;

    public override string Describe() => IsNull ? "null" : IsString ? "a string" : AsBool() is not null ? "a boolean" : "a number";

    private bool IsFloat() => Text.Length > 0 && (char.IsAsciiDigit(Text[0]) || Text[0] is '-' or '+' or '.')
        && double.TryParse(Text, NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent, CultureInfo.InvariantCulture, out _);
}
