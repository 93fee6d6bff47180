namespace Culvert.Controller.Documents;

/// <summary>A mapping; keys are strings and unique.</summary>
internal sealed record MapNode(int Line, IReadOnlyList<MapNode.Entry> Entries) : DocumentNode(Line)
{
    public override string Describe() => "a mapping";

    public DocumentNode? Find(string key) => Entries.FirstOrDefault(e => e.Key == key)?.Value;

    /// <summary>A key with its value.</summary>
    internal sealed record Entry(string Key, int Line, DocumentNode Value);
}
