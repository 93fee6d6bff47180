using Culvert.Core;
using Culvert.Protocol.WorkloadApi;
using Google.Protobuf;

namespace Culvert.NodeAgent.WorkloadApi;

/// <summary>What tokens may be verified with. Immutable.</summary>
/// <param name="TrustDomain">Whose tokens.</param>
/// <param name="Keys">The keys; none: there are no such tokens.</param>
internal sealed record JwtState(string TrustDomain, EquatableArray<JwtKey> Keys)
{
    /// <summary>What a bundle says of them.</summary>
    internal JwtState(TrustBundle bundle)
        : this(bundle.TrustDomain, bundle.JwtKeys)
    {
    }

    /// <summary>As FetchJWTBundles answers.</summary>
    internal JWTBundlesResponse ToBundles() => new() { Bundles = { [SpiffeId.SchemePrefix + TrustDomain] = ByteString.CopyFrom(JsonWebKeys.Write(Keys)) } };
}
