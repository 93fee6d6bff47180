using Culvert.Core;
using Culvert.Protocol.WorkloadApi;
using Google.Protobuf;

namespace Culvert.NodeAgent.WorkloadApi;

/// <summary>The keys that tokens of the mesh's trust domain may be verified with as FetchJWTBundles answers. Immutable.</summary>
/// <param name="bundle">The trust domain; no keys: it has no such tokens.</param>
internal sealed class EncodedKeys(TrustBundle bundle)
{
    /// <summary>As a <see cref="JWTBundlesResponse"/>.</summary>
    internal ReadOnlyMemory<byte> All { get; } =
        new JWTBundlesResponse { Bundles = { [SpiffeId.SchemePrefix + bundle.TrustDomain] = ByteString.CopyFrom(JsonWebKeys.Write(bundle.JwtKeys)) } }.ToByteArray();

    /// <summary>Whether it says the keys of a bundle.</summary>
    internal bool Says(TrustBundle other) => bundle.TrustDomain == other.TrustDomain && bundle.JwtKeys == other.JwtKeys;
}
