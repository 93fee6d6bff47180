using Culvert.Core;

namespace Culvert.Controller.Nodes;

/// <summary>What a handshake has shown of the client's certificate; kept with its connection.</summary>
/// <param name="Root">The root that it led to, in DER: one of the bundle, or one that has left it a short while ago.</param>
/// <param name="Identity">The SPIFFE ID in it; null when there is none.</param>
internal sealed record NodeProof(byte[] Root, SpiffeId? Identity)
{
    /// <summary>Where it is among the items of a connection.</summary>
    public static readonly object Key = new();
}
