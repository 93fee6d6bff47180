using Culvert.Interop.Abi;
using Culvert.Interop.Bpf;

namespace Culvert.Datapath.Tests.Support;

/// <summary>The datapath's maps with their types.</summary>
public sealed class WorldMaps(BpfObject source) : IDisposable
{
    private readonly BpfMap<uint, CvControl> _control = source.GetMap<uint, CvControl>("cv_control");
    private readonly BpfMap<uint, ulong> _drops = source.GetMap<uint, ulong>("cv_drops");
    private readonly BpfMap<uint, ulong> _counters = source.GetMap<uint, ulong>("cv_counters");

    internal BpfMap<CvEndpointKey, CvEndpoint> Endpoints { get; } = source.GetMap<CvEndpointKey, CvEndpoint>("cv_endpoint");

    internal BpfMap<CvAddressKey, CvAddress> Addresses { get; } = source.GetMap<CvAddressKey, CvAddress>("cv_address");

    internal BpfMap<CvPolicyKey, CvPolicy> Policies { get; } = source.GetMap<CvPolicyKey, CvPolicy>("cv_policy");

    internal BpfMap<CvServiceKey, CvService> Services { get; } = source.GetMap<CvServiceKey, CvService>("cv_service");

    internal BpfMap<CvBackendKey, CvBackend> Backends { get; } = source.GetMap<CvBackendKey, CvBackend>("cv_backend");

    internal BpfMap<CvFlowKey, CvFlow> Flows { get; } = source.GetMap<CvFlowKey, CvFlow>("cv_flow");

    internal BpfMap<CvFlowKey, CvSession> Sessions { get; } = source.GetMap<CvFlowKey, CvSession>("cv_session");

    internal BpfMap<CvFlowKey, CvReply> Replies { get; } = source.GetMap<CvFlowKey, CvReply>("cv_reply");

    internal BpfMap<CvFlowKey, uint> LookupKinds { get; } = source.GetMap<CvFlowKey, uint>("cv_lookup_kind");

    internal BpfMap<uint, CvUsage> Usages { get; } = source.GetMap<uint, CvUsage>("cv_usage");

    internal BpfMap<uint, ulong> Swept { get; } = source.GetMap<uint, ulong>("cv_swept");

    internal BpfMap<uint, uint> FairShare { get; } = source.GetMap<uint, uint>("cv_fair_share");

    internal BpfMap Listeners { get; } = source.GetMap("cv_listener");

    /// <summary>The proxy's sockets in pods' own network namespaces.</summary>
    internal BpfMap InsideListeners { get; } = source.GetMap("cv_inside_sock");

    /// <summary>What the programs in pods' own network namespaces call.</summary>
    internal BpfMap InsidePrograms { get; } = source.GetMap("cv_inside");

    internal BpfMap<ulong, CvProbe> Probes { get; } = source.GetMap<ulong, CvProbe>("cv_probes");

    internal BpfMap OwnSockets { get; } = source.GetMap("cv_own_socket");

    internal BpfMap Events { get; } = source.GetMap("cv_events");

    /// <summary>Which way direct flows take, from the next generation on that is put in force.</summary>
    internal CvDirect Direct { get; set; } = CvDirect.Redirect;

    /// <summary>Puts a generation in force.</summary>
    internal void Activate(uint generation, params uint[] listeners)
    {
        CvControl control = new() { Generation = generation, Direct = (uint)Direct };
        for (int i = 0; i < listeners.Length; i++) control.Listeners[i] = listeners[i];
        _control.Set(0, control);
    }

    /// <summary>Puts a generation in force with so many flows from external at the most.</summary>
    internal void Limit(uint generation, uint external) => _control.Set(0, new CvControl { Generation = generation, MaxExternal = external, Direct = (uint)Direct });

    /// <summary>Puts a generation in force with so many listeners of each kind.</summary>
    internal void Offer(uint generation, uint count = 1) => Activate(generation, [.. Enumerable.Repeat(count, (int)CvListenerKind.Kinds)]);

    internal CvSession? Session(CvFlowKey key) => Sessions.TryGet(key, out CvSession session) ? session : null;

    /// <summary>Deletes what a generation has in the maps of policy, as the agent does when the next is in force.</summary>
    internal void Forget(uint generation)
    {
        foreach (CvEndpointKey key in Endpoints.Keys().Where(k => k.Generation == generation).ToArray()) Endpoints.Delete(key);
        foreach (CvAddressKey key in Addresses.Keys().Where(k => k.Generation == generation).ToArray()) Addresses.Delete(key);
        foreach (CvPolicyKey key in Policies.Keys().Where(k => k.Generation == generation).ToArray()) Policies.Delete(key);
        foreach (CvServiceKey key in Services.Keys().Where(k => k.Generation == generation).ToArray()) Services.Delete(key);
        foreach (CvBackendKey key in Backends.Keys().Where(k => k.Generation == generation).ToArray()) Backends.Delete(key);
    }

    internal void Clear()
    {
        Endpoints.Clear();
        Addresses.Clear();
        Policies.Clear();
        Services.Clear();
        Backends.Clear();
        Flows.Clear();
        Sessions.Clear();
        Replies.Clear();
        LookupKinds.Clear();
        Usages.Clear();
        Swept.Clear();
        FairShare.Set(0, 0);
    }

    /// <summary>How many packets were dropped, by reason.</summary>
    internal ulong[] Drops() => [.. Enumerable.Range(0, (int)CvReason.Max).Select(i => Sum(_drops, (uint)i))];

    internal ulong Counter(CvCounter counter) => Sum(_counters, (uint)counter);

    internal CvFlow? Flow(CvFlowKey key) => Flows.TryGet(key, out CvFlow flow) ? flow : null;

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (BpfMap map in (BpfMap[])[_control, _drops, _counters, Endpoints, Addresses, Policies, Services, Backends, Flows, Sessions, Replies, LookupKinds, Usages, Swept, FairShare, Listeners, InsideListeners, InsidePrograms, OwnSockets, Events]) map.Dispose();
    }

    private static ulong Sum(BpfMap<uint, ulong> map, uint key)
    {
        Span<ulong> values = stackalloc ulong[PossibleCpus.Count];
        map.TryGetPerCpu(key, values);
        ulong sum = 0;
        foreach (ulong value in values) sum += value;
        return sum;
    }
}
