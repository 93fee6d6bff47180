using Culvert.Core;

namespace Culvert.NodeAgent.Identity;

/// <summary>The node's own certificate, as it is told to people. Immutable.</summary>
/// <param name="Id">The node's identity.</param>
/// <param name="Version">From 1, grows with each renewal since the agent's start.</param>
/// <param name="Chain">DER certificates, leaf first.</param>
/// <param name="ReceivedAt">When it arrived, UTC; null: before the agent's start.</param>
internal sealed record NodeSvid(SpiffeId Id, int Version, IReadOnlyList<byte[]> Chain, DateTimeOffset? ReceivedAt);
