using System.Text.Json.Nodes;

namespace Culvert.Tests.Shared;

/// <summary>An object of a custom kind, and who refuses it.</summary>
/// <param name="What">What is special about it.</param>
/// <param name="Document">The object.</param>
/// <param name="IsGood">Whether the folder source takes it.</param>
internal sealed record ResourceSample(string What, JsonObject Document, bool IsGood)
{
    /// <summary>The message of the rule (CEL) that it breaks, where it breaks nothing else: servers without rules take it.</summary>
    public string? BreaksRule { get; init; }

    /// <summary>Whether no schema can say what is wrong with it: the server takes it, and the controller says so in its status.</summary>
    public bool IsForStatusOnly { get; init; }

    /// <summary>Whether it is refused for a name that is not known alone: a server drops it or refuses, as it is asked.</summary>
    public bool HasUnknownField { get; init; }

    /// <inheritdoc/>
    public override string ToString() => $"{Document["kind"]} {What}";
}
