using System.Collections.Frozen;
using System.Text;

namespace Culvert.Core;

/// <summary>
/// Names of headers as applications compare them that make variables of them: every character that is not a letter or digit equals <c>-</c>. CGI and WSGI replace
/// <c>-</c> by <c>_</c>, PHP also <c>.</c>, and lighttpd every such character. Immutable.
/// </summary>
public sealed class HeaderNames
{
    private readonly FrozenSet<string>.AlternateLookup<ReadOnlySpan<char>> _names;
    private readonly int _longest;

    /// <summary>Makes one.</summary>
    /// <param name="names">Names in lower case.</param>
    public HeaderNames(IEnumerable<string> names)
    {
        FrozenSet<string> all = names.Select(Canonical).ToFrozenSet(StringComparer.Ordinal);
        _longest = all.Count == 0 ? 0 : all.Max(n => n.Length);
        _names = all.GetAlternateLookup<ReadOnlySpan<char>>();
    }

    /// <summary>Whether a name, in lower case, is one of them. What says where a message ends is none, whatever they are.</summary>
    public bool Has(ReadOnlySpan<byte> name)
    {
        if (name.Length > _longest || name.SequenceEqual("content-length"u8)) return false;
        Span<char> text = stackalloc char[name.Length];
        Encoding.ASCII.GetChars(name, text);
        Canonicalize(text);
        return _names.Contains(text);
    }

    /// <summary>The name with <c>-</c> for every character that is not a letter or digit.</summary>
    public static string Canonical(string name) => string.Create(name.Length, name, static (text, name) =>
    {
        name.CopyTo(text);
        Canonicalize(text);
    });

    /// <summary>Whether other names equal this one: it has a character that is not a letter or digit.</summary>
    public static bool HasOtherSpellings(string name) => name.Any(c => !char.IsAsciiLetterOrDigit(c));

    private static void Canonicalize(Span<char> name)
    {
        foreach (ref char c in name)
        {
            if (!char.IsAsciiLetterOrDigit(c)) c = '-';
        }
    }
}
