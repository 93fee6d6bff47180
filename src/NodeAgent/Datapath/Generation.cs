using Culvert.Interop.Abi;

namespace Culvert.NodeAgent.Datapath;

/// <summary>Every policy-map entry of one generation, ready to be written.</summary>
internal sealed class Generation(uint number)
{
    internal uint Number { get; } = number;

    internal EntryList<CvEndpointKey, CvEndpoint> Endpoints { get; } = new();

    internal EntryList<CvAddressKey, CvAddress> Addresses { get; } = new();

    internal EntryList<CvPolicyKey, CvPolicy> Policies { get; } = new();

    internal EntryList<CvServiceKey, CvService> Services { get; } = new();

    internal EntryList<CvBackendKey, CvBackend> Backends { get; } = new();

    /// <summary>The namespaces to whose Services' backends <see cref="BackendSlots"/> gives fewer slots than their weights take, by name.</summary>
    internal IReadOnlyList<string> CoarseNamespaces { get; set; } = [];

    internal GenerationSize Size => new(Endpoints.Count, Addresses.Count, Policies.Count, Services.Count, Backends.Count);
}

/// <summary>Keys and values side by side, as the kernel's batch calls want them.</summary>
internal sealed class EntryList<TKey, TValue>
    where TKey : unmanaged
    where TValue : unmanaged
{
    private readonly List<TKey> _keys = [];
    private readonly List<TValue> _values = [];

    internal int Count => _keys.Count;

    internal ReadOnlySpan<TKey> Keys => System.Runtime.InteropServices.CollectionsMarshal.AsSpan(_keys);

    internal ReadOnlySpan<TValue> Values => System.Runtime.InteropServices.CollectionsMarshal.AsSpan(_values);

    internal void Add(in TKey key, in TValue value)
    {
        _keys.Add(key);
        _values.Add(value);
    }
}

/// <summary>How many entries a generation has.</summary>
internal readonly record struct GenerationSize(int Endpoints, int Addresses, int Policies, int Services, int Backends);
