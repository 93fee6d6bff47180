using Culvert.Core;

namespace Culvert.NodeAgent.WorkloadApi;

/// <summary>
/// Bundles as answers have them, encoded once for all streams, as long as they say the same: there may be many streams whose clients do not read, and roots of many trust domains. Thread-safe.
/// </summary>
internal sealed class EncodedBundles
{
    private readonly Lock _lock = new();
    private (TrustBundle Bundle, EquatableArray<TrustBundle> Federated) _rootsOf;
    private TrustBundle? _keysOf;
    private EncodedRoots? _roots;
    private EncodedKeys? _keys;

    /// <summary>The roots of the mesh's trust domain and of those that it is federated with; the same object as before where they are the same.</summary>
    internal EncodedRoots RootsOf(TrustBundle bundle, EquatableArray<TrustBundle> federated)
    {
        lock (_lock)
        {
            // Whatever they say, if they are the very same; all streams ask when anything has changed.
            bool areKnown = _roots is not null && ReferenceEquals(bundle, _rootsOf.Bundle) && federated.Items == _rootsOf.Federated.Items;
            if (!areKnown && _roots?.Says(bundle, federated) != true) _roots = new EncodedRoots(bundle, federated);
            _rootsOf = (bundle, federated);
            return _roots!;
        }
    }

    /// <summary>The keys of the mesh's trust domain; the same object as before where they are the same.</summary>
    internal EncodedKeys KeysOf(TrustBundle bundle)
    {
        lock (_lock)
        {
            if (_keys is null || (!ReferenceEquals(bundle, _keysOf) && !_keys.Says(bundle))) _keys = new EncodedKeys(bundle);
            _keysOf = bundle;
            return _keys;
        }
    }
}
