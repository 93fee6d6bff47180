using System.Collections.Frozen;
using System.Text;

namespace Culvert.Core;

/// <summary>Names of headers as applications tell them apart that make variables of them (CGI, WSGI, Rack, PHP): <c>-</c> and <c>_</c> are the same. Immutable.</summary>
public sealed class HeaderNames
{
    private readonly FrozenSet<string>.AlternateLookup<ReadOnlySpan<char>> _names;
    private readonly int _longest;

    /// <summary>Makes one.</summary>
    /// <param name="names">Names in lower case.</param>
    public HeaderNames(IEnumerable<string> names)
    {
        FrozenSet<string> all = names.Select(n => n.Replace('_', '-')).ToFrozenSet(StringComparer.Ordinal);
        _longest = all.Count == 0 ? 0 : all.Max(n => n.Length);
        _names = all.GetAlternateLookup<ReadOnlySpan<char>>();
    }

    /// <summary>Whether a name, in lower case, is one of them. What says where a message ends is none, whatever they are.</summary>
    public bool Has(ReadOnlySpan<byte> name)
    {
        if (name.Length > _longest || name.SequenceEqual("content-length"u8)) return false;
        Span<char> text = stackalloc char[name.Length];
        Encoding.ASCII.GetChars(name, text);
        text.Replace('_', '-');
        return _names.Contains(text);
    }
}
