using Culvert.Core;
using Culvert.Protocol.WorkloadApi;
using Google.Protobuf;

namespace Culvert.NodeAgent.WorkloadApi;

/// <summary>The roots of the mesh's trust domain and of others as answers have them. Immutable.</summary>
internal sealed class EncodedRoots
{
    private readonly TrustBundle _bundle;
    private readonly TrustBundle[] _federated;

    /// <summary>Encodes them.</summary>
    /// <param name="bundle">The mesh's trust domain; the keys of tokens are no news here.</param>
    /// <param name="federated">Those that the mesh is federated with; of one that has no roots nothing is told.</param>
    internal EncodedRoots(TrustBundle bundle, EquatableArray<TrustBundle> federated)
    {
        (_bundle, _federated) = (bundle, [.. federated.Where(IsTold)]);
        Own = Join(bundle.Roots);
        X509SVIDResponse foreign = new();
        X509BundlesResponse all = new() { Bundles = { [NameOf(bundle)] = Own } };
        foreach (TrustBundle other in _federated)
        {
            ByteString roots = Join(other.Roots);
            foreign.FederatedBundles.Add(NameOf(other), roots);
            all.Bundles.Add(NameOf(other), roots);
        }
        (Federated, All) = (foreign.ToByteArray(), all.ToByteArray());
    }

    /// <summary>The mesh's, one after the other.</summary>
    internal ByteString Own { get; }

    /// <summary>Those of others, as an <see cref="X509SVIDResponse"/> without certificates.</summary>
    internal ReadOnlyMemory<byte> Federated { get; }

    /// <summary>All, as an <see cref="X509BundlesResponse"/>.</summary>
    internal ReadOnlyMemory<byte> All { get; }

    /// <summary>Whether it says these roots.</summary>
    internal bool Says(TrustBundle bundle, EquatableArray<TrustBundle> federated)
    {
        TrustBundle[] told = [.. federated.Where(IsTold)];
        return _bundle.HasSameRoots(bundle) && told.Length == _federated.Length && told.Zip(_federated).All(pair => pair.First.HasSameRoots(pair.Second));
    }

    private static bool IsTold(TrustBundle bundle) => !bundle.Roots.IsEmpty;

    private static string NameOf(TrustBundle bundle) => SpiffeId.SchemePrefix + bundle.TrustDomain;

    private static ByteString Join(IEnumerable<ReadOnlyMemory<byte>> certificates)
    {
        using MemoryStream joined = new();
        foreach (ReadOnlyMemory<byte> certificate in certificates) joined.Write(certificate.Span);
        return ByteString.CopyFrom(joined.GetBuffer().AsSpan(0, (int)joined.Length));
    }
}
