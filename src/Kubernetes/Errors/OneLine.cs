using System.Globalization;
using System.Text;

namespace Culvert.Kubernetes.Errors;

/// <summary>Text of other programs as it may be shown in a log and on a terminal.</summary>
internal static class OneLine
{
    /// <summary>The text with control, format and line separator characters as escapes, for example <c>\u001b</c>.</summary>
    public static string Of(string text)
    {
        if (!text.Any(IsHidden)) return text;
        StringBuilder line = new(text.Length + 16);
        foreach (char c in text)
        {
            if (IsHidden(c)) line.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}");
            else line.Append(c);
        }

        return line.ToString();
    }

    private static bool IsHidden(char c) =>
        char.GetUnicodeCategory(c) is UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator;
}
