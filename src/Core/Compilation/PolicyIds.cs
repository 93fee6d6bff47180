namespace Culvert.Core;

/// <summary>The numbers that compiled policy uses; an agent keeps one for its life and saves it, so that pinned kernel maps stay true over a restart.</summary>
/// <remarks>Safe for any number of threads.</remarks>
public sealed class PolicyIds
{
    private const string Separator = "--\n";

    /// <summary>Numbers of source classes.</summary>
    public IdAllocator Classes { get; private init; } = new();

    /// <summary>Numbers of subjects.</summary>
    public IdAllocator Subjects { get; private init; } = new();

    /// <summary>Numbers of policy rules.</summary>
    public IdAllocator Rules { get; private init; } = new();

    /// <summary>The state as text.</summary>
    public string Serialize() => Classes.Serialize() + Separator + Subjects.Serialize() + Separator + Rules.Serialize();

    /// <summary>Reads what <see cref="Serialize"/> wrote.</summary>
    /// <exception cref="FormatException">The text is damaged.</exception>
    public static PolicyIds Parse(string text) => text.Split(Separator) is [var classes, var subjects, var rules]
        ? new() { Classes = IdAllocator.Parse(classes), Subjects = IdAllocator.Parse(subjects), Rules = IdAllocator.Parse(rules) }
        : throw new FormatException("the state does not hold three tables");
}
