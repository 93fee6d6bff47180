using System.Text;

namespace Culvert.Core;

/// <summary>A regular expression that is no more than a text with anything before or behind it, as most are: it can be compared without a machine of its own.</summary>
/// <param name="AnyBefore">Whether it begins with <c>.*</c>.</param>
/// <param name="Literal">The text.</param>
/// <param name="AnyAfter">Whether it ends with <c>.*</c>.</param>
/// <param name="IsToEnd">Whether <c>$</c> is its end.</param>
public readonly record struct PlainExpression(bool AnyBefore, string Literal, bool AnyAfter, bool IsToEnd)
{
    private const string Any = ".*";

    private const string Special = @"\*+?|{}[]()^$.#";

    /// <summary>Reads one.</summary>
    /// <param name="text">An expression that is one (<see cref="RouteExpression.TryParse"/>), and begins where the text begins.</param>
    /// <param name="plain">It, when true is returned.</param>
    public static bool TryParse(string text, out PlainExpression plain)
    {
        ArgumentNullException.ThrowIfNull(text);
        plain = default;
        ReadOnlySpan<char> rest = text;

        // Of what stands behind a backslash nothing is left but that, which is no text.
        if (rest.StartsWith("^")) rest = rest[1..];
        bool isToEnd = rest.EndsWith("$");
        if (isToEnd) rest = rest[..^1];
        bool anyBefore = rest.StartsWith(Any);
        if (anyBefore) rest = rest[Any.Length..];
        bool anyAfter = rest.EndsWith(Any);
        if (anyAfter) rest = rest[..^Any.Length];
        StringBuilder literal = new(rest.Length);
        for (int i = 0; i < rest.Length; i++)
        {
            bool isEscaped = rest[i] == '\\';
            if (isEscaped && (++i == rest.Length || !char.IsAscii(rest[i]) || char.IsAsciiLetterOrDigit(rest[i]))) return false;
            if (!isEscaped && Special.Contains(rest[i], StringComparison.Ordinal)) return false;
            literal.Append(rest[i]);
        }

        plain = new(anyBefore, literal.ToString(), anyAfter, isToEnd);
        return true;
    }
}
