using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;

namespace Culvert.Controller.Identity.Spire.Entries;

/// <summary>A text with placeholders in braces, which each entry puts its own into. Immutable.</summary>
internal sealed class EntryTemplate
{
    /// <summary>Placeholders for what a node has.</summary>
    public const string NodeName = "node.name", NodeUid = "node.uid";

    /// <summary>Placeholders for what an identity has.</summary>
    public const string Namespace = "namespace", ServiceAccount = "serviceAccount";

    private readonly string _text;
    private readonly ImmutableArray<Part> _parts;

    private EntryTemplate(string text, ImmutableArray<Part> parts) => (_text, _parts) = (text, parts);

    /// <summary>Reads a text.</summary>
    /// <param name="text">As it was given.</param>
    /// <param name="known">The placeholders that it may have.</param>
    /// <param name="template">The template, where it is one.</param>
    /// <param name="error">What is wrong, to be put behind the text.</param>
    public static bool TryParse(string text, IReadOnlyList<string> known, [NotNullWhen(true)] out EntryTemplate? template, [NotNullWhen(false)] out string? error)
    {
        (template, error) = (null, null);
        ImmutableArray<Part>.Builder parts = ImmutableArray.CreateBuilder<Part>();
        if (text.Any(c => char.IsControl(c) || char.IsWhiteSpace(c))) error = "has blanks or control characters in it";
        for (int at = 0; at < text.Length && error is null;)
        {
            int open = text.IndexOfAny(['{', '}'], at);
            if (open != at) parts.Add(new(text[at..(open < 0 ? text.Length : open)], IsPlaceholder: false));
            if (open < 0) break;
            int close = text.IndexOf('}', open);
            string name = text[open] == '{' && close > 0 ? text[(open + 1)..close] : "";
            if (known.Contains(name, StringComparer.Ordinal)) parts.Add(new(name, IsPlaceholder: true));
            else error = $"has braces around what is no placeholder; there are {string.Join(" and ", known.Select(k => $"{{{k}}}"))}";
            at = close + 1;
        }
        if (error is null) template = new(text, parts.DrainToImmutable());
        return error is null;
    }

    /// <summary>Whether a placeholder is in it.</summary>
    public bool Names(string placeholder) => _parts.Contains(new(placeholder, IsPlaceholder: true));

    /// <summary>The text with values in place of the placeholders.</summary>
    public string Fill(Func<string, string> valueOf) => string.Concat(_parts.Select(p => p.IsPlaceholder ? valueOf(p.Text) : p.Text));

    /// <summary>As it was given.</summary>
    public override string ToString() => _text;

    private readonly record struct Part(string Text, bool IsPlaceholder);
}
