using Culvert.Core;

namespace Culvert.NodeAgent.Admin;

/// <summary>What decides, beside policy, which peers of tunnels are believed.</summary>
/// <param name="Federated">The bundles of other trust domains, as they are in force.</param>
/// <param name="Revoked">What is believed no more.</param>
internal sealed record BelievedPeers(EquatableArray<TrustBundle> Federated, RevokedCredentials Revoked);
