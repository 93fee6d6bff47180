using System.Net;

namespace Culvert.Controller.Attestation;

/// <summary>What a node shows that wants to join. Never logged.</summary>
/// <param name="Node">The node that it says it is.</param>
/// <param name="Token">A secret, or a document that somebody has signed.</param>
public sealed record NodeEvidence(string Node, string Token)
{
    /// <summary>The address that it comes from, where it comes from one: others must not wait because this one asks very often.</summary>
    public IPAddress Source { get; init; } = IPAddress.None;
}
