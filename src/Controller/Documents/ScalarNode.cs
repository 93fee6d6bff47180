using System.Globalization;

namespace Culvert.Controller.Documents;

/// <summary>A scalar.</summary>
/// <param name="Line">Line in the file, from 1.</param>
/// <param name="Text">Its text, without quotes and escapes.</param>
/// <param name="Kind">Its type.</param>
internal sealed record ScalarNode(int Line, string Text, ScalarKind Kind) : DocumentNode(Line)
{
    public bool IsNull => Kind == ScalarKind.Null;

    public bool IsString => Kind == ScalarKind.String;

    public bool? AsBool() => Kind == ScalarKind.Boolean ? Text[0] is 't' or 'T' : null;

    public long? AsInteger() =>
        Kind == ScalarKind.Number && long.TryParse(Text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long value) ? value : null;

    public double? AsNumber() => Kind == ScalarKind.Number ? double.Parse(Text, CultureInfo.InvariantCulture) : null;

    public override string Describe() => Kind switch
    {
        ScalarKind.Null => "null",
        ScalarKind.String => "a string",
        ScalarKind.Boolean => "a boolean",
        _ => "a number",
    };

    /// <summary>The text for messages: in quotes where it is a string that would be a number without.</summary>
    public string Quote() => IsString && YamlScalars.KindOf(Text) == ScalarKind.Number ? $"\"{Text}\"" : Text;
}
