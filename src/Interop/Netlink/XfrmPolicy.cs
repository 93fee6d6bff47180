namespace Culvert.Interop.Netlink;

/// <summary>An IPsec policy that packets meet which are forwarded.</summary>
/// <param name="Direction">Where they meet it: "fwd" or "out".</param>
/// <param name="Source">Where they are from, as address and prefix; null for those that no policy is for.</param>
/// <param name="Destination">Where they are to.</param>
/// <param name="Priority">Lower is looked at first.</param>
/// <param name="IsBlocking">Whether they are dropped; otherwise they go on, with or without IPsec.</param>
public sealed record XfrmPolicy(string Direction, string? Source, string? Destination, uint Priority, bool IsBlocking)
{
    /// <inheritdoc/>
    public override string ToString() => Source is null
        ? $"{Direction} {Does} whatever no policy is for"
        : $"{Direction} {Does} from {Source} to {Destination}, priority {Priority}";

    private string Does => IsBlocking ? "block" : "allow";
}
