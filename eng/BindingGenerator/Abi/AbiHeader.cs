using System.Text.RegularExpressions;
using Culvert.Generators;

namespace Culvert.BindingGenerator.Abi;

/// <summary>
/// The text of the shared header: which types it declares and in which order, its constants, and its comments, also those on the rows of a
/// list that an enum is made of (<c>REASON(MALFORMED, …)</c> is <c>CV_REASON_MALFORMED</c> of <c>cv_reason</c>). Layouts come from BTF, never from here.
/// </summary>
internal sealed partial class AbiHeader
{
    private readonly Dictionary<string, string> _comments = new(StringComparer.Ordinal);

    internal AbiHeader(string text)
    {
        string? pending = null;
        string? inside = null;
        int end = 0;
        foreach (Match token in Token().Matches(text))
        {
            // A comment belongs to a declaration only when nothing but white space lies between.
            if (pending is not null && text[end..token.Index].Trim().Length > 0) pending = null;
            end = token.Index + token.Length;
            if (token.Groups["comment"].Success)
            {
                pending = Clean(token.Groups["comment"].Value);
                continue;
            }
            if (token.Groups["type"].Success)
            {
                inside = token.Groups["type"].Value;
                Types.Add(inside);
                Note(inside, pending);
            }
            else if (token.Groups["member"].Success && inside is not null)
            {
                Note($"{inside}.{token.Groups["member"].Value}", Trailing(token) ?? pending);
            }
            else if (token.Groups["row"].Success)
            {
                string list = token.Groups["list"].Value;
                Note($"cv_{list.ToLowerInvariant()}.CV_{list}_{token.Groups["row"].Value}", Trailing(token));
            }
            else if (token.Groups["constant"].Success)
            {
                Constants.Add((token.Groups["constant"].Value, token.Groups["value"].Value));
                Note(token.Groups["constant"].Value, Trailing(token) ?? pending);
            }
            else if (token.Groups["close"].Success)
            {
                inside = null;
            }
            pending = null;
        }
        if (Types.Count == 0) throw new GeneratorException("the ABI header declares no struct or enum that starts with cv_");
    }

    /// <summary>Names of structs and enums, in order.</summary>
    internal List<string> Types { get; } = [];

    /// <summary>Numeric constants, in order, with their C text.</summary>
    internal List<(string Name, string Value)> Constants { get; } = [];

    /// <summary>The comment on "type", "type.member" or a constant; null without one.</summary>
    internal string? Comment(string name) => _comments.GetValueOrDefault(name);

    private void Note(string name, string? comment)
    {
        if (comment is not null) _comments[name] = comment;
    }

    private static string? Trailing(Match token) => token.Groups["trailing"].Success ? Clean(token.Groups["trailing"].Value) : null;

    private static string Clean(string comment)
    {
        string text = Spaces().Replace(string.Join(' ', comment.Split('\n').Select(l => l.Trim().TrimStart('*').Trim())), " ").Trim();
        return text.EndsWith('.') || text.Length == 0 ? text : $"{text}.";
    }

    [GeneratedRegex("""
        (?:^|\n)[\t\x20]*(?:
          /\*(?<comment>.*?)\*/
        | (?:struct|enum)\s+(?<type>cv_\w+)\s*\{
        | \#define\s+(?<constant>CV_\w+)[\t\x20]+(?<value>[0-9][0-9a-zA-Z]*)[\t\x20]*(?:/\*(?<trailing>.*?)\*/)?
        | (?<list>[A-Z]+)\((?<row>\w+),[^)\n]*\)[\t\x20]*(?:/\*(?<trailing>.*?)\*/)?
        | (?<close>\}\s*;)
        | (?:[\w\x20\t]*?\b)(?<member>\w+)(?:\[[^\]]*\])*[\t\x20]*(?:=[^,;/\n]*)?[,;][\t\x20]*(?:/\*(?<trailing>.*?)\*/)?
        )
        """, RegexOptions.Singleline | RegexOptions.IgnorePatternWhitespace | RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 10_000)]
    private static partial Regex Token();

    [GeneratedRegex(@"\s+", RegexOptions.None, matchTimeoutMilliseconds: 10_000)]
    private static partial Regex Spaces();
}
