namespace Culvert.Http1;

/// <summary>What has become of the bytes that a head was looked for in.</summary>
/// <param name="Consumed">How many belong to it, empty lines before it included; 0 while it is not whole.</param>
/// <param name="Refusal">Why it is not taken; null when it is, or is not whole yet.</param>
public readonly record struct HeadResult(int Consumed, MessageRefusal? Refusal)
{
    /// <summary>Whether more bytes are needed.</summary>
    public bool NeedsMore => Consumed == 0 && Refusal is null;
}
