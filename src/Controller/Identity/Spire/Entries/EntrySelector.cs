namespace Culvert.Controller.Identity.Spire.Entries;

/// <summary>What a process has to be.</summary>
/// <param name="Type">Who attests it, as <c>k8s</c>.</param>
/// <param name="Value">As <c>ns:shop</c>.</param>
internal readonly record struct EntrySelector(string Type, string Value)
{
    public override string ToString() => $"{Type}:{Value}";
}
