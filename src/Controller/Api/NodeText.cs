namespace Culvert.Controller.Api;

/// <summary>Text that a node has sent. Pure.</summary>
internal static class NodeText
{
    /// <summary>The text as a line of the log shows it: with blanks in place of control characters, and cut at a number of UTF-16 code units.</summary>
    public static string Line(string text, int longest) => new([.. text.Take(longest).Select(c => char.IsControl(c) ? ' ' : c)]);
}
