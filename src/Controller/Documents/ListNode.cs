namespace Culvert.Controller.Documents;

/// <summary>A list.</summary>
internal sealed record ListNode(int Line, IReadOnlyList<DocumentNode> Items) : DocumentNode(Line)
{
    public override string Describe() => "a list";
}
