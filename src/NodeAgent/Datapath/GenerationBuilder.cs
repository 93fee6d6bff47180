using System.Buffers.Binary;
using System.Net;
using Culvert.Core;
using Culvert.Interop.Abi;

namespace Culvert.NodeAgent.Datapath;

/// <summary>
/// Turns a snapshot into the kernel's tables. Pure: the same input gives the same tables, which is what the tests compare with the oracle.
/// </summary>
internal sealed class GenerationBuilder
{
    private static readonly IpPrefix AnyIPv4 = IpPrefix.Parse("0.0.0.0/0");

    private readonly Generation _next;
    private readonly NodeSnapshot _snapshot;
    private readonly CompiledPolicy _policy;
    private readonly IReadOnlyList<LocalEndpoint> _endpoints;
    private readonly IReadOnlyCollection<IPAddress> _nodeAddresses;
    private readonly uint _maxFlows;
    private readonly int _maxSlots;
    private readonly RequestPorts _requestPorts;
    private readonly RoutedPorts _routedPorts;
    private uint _lastService;

    private GenerationBuilder(
        uint number, NodeSnapshot snapshot, CompiledPolicy policy, IReadOnlyList<LocalEndpoint> endpoints, IReadOnlyCollection<IPAddress> nodeAddresses, uint maxFlows, int maxSlots)
    {
        (_maxFlows, _maxSlots) = (maxFlows, maxSlots);
        _next = new Generation(number);
        _requestPorts = new RequestPorts(snapshot);
        _routedPorts = new RoutedPorts(snapshot);
        (_snapshot, _policy, _endpoints, _nodeAddresses) = (snapshot, policy, endpoints, nodeAddresses);
    }

    /// <summary>Builds a generation.</summary>
    /// <param name="number">Its number, not 0.</param>
    /// <param name="snapshot">The snapshot.</param>
    /// <param name="policy">Its compiled policy for the workloads of this node.</param>
    /// <param name="endpoints">Workloads of this node whose link is known.</param>
    /// <param name="nodeAddresses">This node's own addresses.</param>
    /// <param name="maxFlows">How many flows a workload may have begun that are in the flow table; 0: any number.</param>
    /// <param name="maxSlots">How many slots the backends of all Services may have.</param>
    internal static Generation Build(
        uint number, NodeSnapshot snapshot, CompiledPolicy policy, IReadOnlyList<LocalEndpoint> endpoints, IReadOnlyCollection<IPAddress> nodeAddresses, uint maxFlows = 0, int maxSlots = int.MaxValue)
    {
        GenerationBuilder builder = new(number, snapshot, policy, endpoints, nodeAddresses, maxFlows, maxSlots);
        builder.AddPolicies();
        builder.AddAddresses();
        builder.AddEndpoints();
        builder.AddServices();
        return builder._next;
    }

    /// <summary>The kernel's word for a decision's reason.</summary>
    internal static CvReason ReasonOf(DecisionReason reason) => reason switch
    {
        DecisionReason.StrictMtls => CvReason.StrictMtls,
        DecisionReason.DeniedByPolicy => CvReason.PolicyDeny,
        DecisionReason.NoAllowMatched => CvReason.PolicyNoAllow,
        DecisionReason.DeniedByDefault => CvReason.PolicyDefault,
        DecisionReason.PolicyMissing => CvReason.Internal,
        DecisionReason.NetworkPolicyIngress => CvReason.NetworkPolicyIngress,
        DecisionReason.NetworkPolicyEgress => CvReason.NetworkPolicyEgress,
        _ => CvReason.None,
    };

    private void AddPolicies()
    {
        foreach (PolicyEntry entry in _policy.Entries)
        {
            CvPolicyKey key = new()
            {
                Prefixlen = CvAbi.PolicyPrefix + entry.Ports.Length,
                Generation = _next.Number,
                PolicySet = entry.PolicySetId,
                PeerClass = entry.ClassId == PolicyEntry.AnyClass ? CvAbi.ClassAny : entry.ClassId,
                Port = BinaryPrimitives.ReverseEndianness(entry.Ports.Value),
                Proto = (byte)entry.Protocol,
            };
            bool allowed = entry.Verdict == Verdict.Allow;
            CvPolicy value = new()
            {
                Rule = entry.RuleId,
                Verdict = (byte)(allowed ? CvVerdict.Pass : CvVerdict.Drop),
                Reason = (byte)(allowed ? CvReason.None : ReasonOf(entry.Reason)),
                Audit = entry.Audit ? (byte)1 : (byte)0,
            };
            _next.Policies.Add(key, value);
        }
    }

    private void AddAddresses()
    {
        Dictionary<IpPrefix, CvAddress> table = [];
        CvAddress At(IpPrefix prefix) => table.TryGetValue(prefix, out CvAddress found) ? found : Inherit(prefix);

        foreach (IpPrefix excluded in _snapshot.Mesh.ExcludedCidrs) table[excluded] = Inherit(excluded);
        foreach (AddressClass known in _policy.AddressClasses)
        {
            table[known.Prefix] = new CvAddress { AuthClass = known.AuthenticatedClassId, AnonClass = known.AnonymousClassId, Flags = ExcludedFlag(known.Prefix) };
        }
        foreach (WorkloadInfo workload in _snapshot.Workloads.Values.Where(w => w.Enrolled))
        {
            foreach (IPAddress address in workload.Addresses)
            {
                IpPrefix host = IpPrefix.Host(address);
                CvAddress value = At(host);
                value.Flags |= (uint)CvAddressFlag.Meshed;
                if (!workload.ExcludedPorts.IsEmpty) value.Flags |= (uint)CvAddressFlag.OpenPorts;
                table[host] = value;
            }
        }
        foreach (LocalEndpoint endpoint in _endpoints) AddLocal(table, endpoint, At);
        foreach (IPAddress vip in _snapshot.Services.Values.SelectMany(s => s.Vips)) Flag(table, At, vip, CvAddressFlag.Service);
        foreach (IPAddress address in _nodeAddresses) Flag(table, At, address, CvAddressFlag.Node);

        // In the kernel's table IPv4 is a part of IPv6 (::ffff:0:0/96): a short prefix such as ::/0 must not speak for it.
        if (table.Keys.Any(p => p.IsIPv6 && p.Length < AbiAddress.MappedBits)) table.TryAdd(AnyIPv4, Inherit(AnyIPv4));
        foreach ((IpPrefix prefix, CvAddress value) in table) _next.Addresses.Add(AbiAddress.Key(_next.Number, prefix), value);
    }

    private void AddLocal(Dictionary<IpPrefix, CvAddress> table, LocalEndpoint endpoint, Func<IpPrefix, CvAddress> at)
    {
        foreach (IPAddress address in endpoint.Workload.Addresses)
        {
            IpPrefix host = IpPrefix.Host(address);
            CvAddress value = at(host);
            value.TargetPolicySet = _policy.TargetPolicySetIds[endpoint.Workload.Uid];
            value.EgressPolicySet = _policy.EgressPolicySetIds.GetValueOrDefault(endpoint.Workload.Uid);
            value.Ifindex = (uint)endpoint.Index;
            value.Mtu = (uint)endpoint.Mtu;
            value.Flags |= (uint)(CvAddressFlag.Meshed | CvAddressFlag.Local);
            if (endpoint.Workload.MtlsMode == MtlsMode.Strict) value.Flags |= (uint)CvAddressFlag.Strict;
            if (ProxyNeed.PortsOf(endpoint.Workload, _requestPorts).Any()) value.Flags |= (uint)CvAddressFlag.Proxy;
            if (endpoint.Workload.TrustedProxies.Any(t => t.Ports.Any(p => p.Protocol == TransportProtocol.Udp))) value.Flags |= (uint)CvAddressFlag.Trusts;
            if (IsLeftOut(endpoint)) value.Flags |= (uint)CvAddressFlag.HostStack;
            endpoint.PodMac.AsSpan().CopyTo(value.Mac);
            endpoint.HostMac.AsSpan().CopyTo(value.HostMac);
            table[host] = value;
        }
    }

    // Where settings say to redirect whatever there is, it is.
    private bool IsLeftOut(LocalEndpoint endpoint) => endpoint.HostStackReason is not null && _snapshot.Mesh.DirectPath != DirectPath.Redirect;

    private static void Flag(Dictionary<IpPrefix, CvAddress> table, Func<IpPrefix, CvAddress> at, IPAddress address, CvAddressFlag flag)
    {
        IpPrefix host = IpPrefix.Host(address);
        CvAddress value = at(host);
        value.Flags |= (uint)flag;
        table[host] = value;
    }

    // An entry that did not come with a class of its own must say what the prefixes around it say: the longest match hides them.
    private CvAddress Inherit(IpPrefix host)
    {
        AddressClass? around = null;
        foreach (AddressClass known in _policy.AddressClasses)
        {
            if (known.Prefix.Contains(host) && (around is null || known.Prefix.Length > around.Value.Prefix.Length)) around = known;
        }
        return new CvAddress { AuthClass = around?.AnonymousClassId ?? 0, AnonClass = around?.AnonymousClassId ?? 0, Flags = ExcludedFlag(host) };
    }

    private uint ExcludedFlag(IpPrefix prefix) => _snapshot.Mesh.ExcludedCidrs.Any(c => c.Contains(prefix)) ? (uint)CvAddressFlag.Excluded : 0;

    private void AddEndpoints()
    {
        Dictionary<IpPrefix, AddressClass> classes = _policy.AddressClasses.ToDictionary(a => a.Prefix);
        foreach (LocalEndpoint endpoint in _endpoints)
        {
            CvEndpoint value = new()
            {
                TargetPolicySet = _policy.TargetPolicySetIds[endpoint.Workload.Uid],
                EgressPolicySet = _policy.EgressPolicySetIds.GetValueOrDefault(endpoint.Workload.Uid),
                SrcClass4 = ClassOf(endpoint.Address4),
                SrcClass6 = ClassOf(endpoint.Address6),
                Flags = (endpoint.Workload.MtlsMode == MtlsMode.Strict ? (uint)CvEndpointFlag.Strict : 0) | (_snapshot.Mesh.IcmpEcho == DefaultAction.Deny ? (uint)CvEndpointFlag.NoEcho : 0)
                    | (IsLeftOut(endpoint) ? (uint)CvEndpointFlag.HostStack : 0) | (endpoint.IsBridged ? (uint)CvEndpointFlag.Bridged : 0),
                MaxFlows = _maxFlows,
            };
            if (endpoint.Address4 is { } v4) value.Addr4 = AbiAddress.From(v4);
            if (endpoint.Address6 is { } v6) value.Addr6 = AbiAddress.From(v6);
            _next.Endpoints.Add(new CvEndpointKey { Generation = _next.Number, Ifindex = (uint)endpoint.Index }, value);
        }

        uint ClassOf(IPAddress? address) => address is not null && classes.TryGetValue(IpPrefix.Host(address), out AddressClass known) ? known.AuthenticatedClassId : 0;
    }

    private void AddServices()
    {
        foreach (ushort port in _snapshot.Mesh.ExcludedPorts)
        {
            foreach (TransportProtocol protocol in Enum.GetValues<TransportProtocol>())
            {
                _next.Services.Add(
                    new CvServiceKey { Generation = _next.Number, Port = port, Proto = (byte)protocol },
                    new CvService { Flags = (uint)CvServiceFlag.Excluded });
            }
        }
        AddWorkloadPorts();
        HashSet<(IPAddress, ushort, TransportProtocol)> taken = [];
        List<KernelPort> ports = [];
        foreach (ServiceInfo service in _snapshot.Services.Values.OrderBy(s => s.Name))
        {
            foreach (ServicePort port in service.Ports)
            {
                // A virtual address leads to backends of its own family only: the kernel translates addresses, not protocols.
                foreach (IGrouping<System.Net.Sockets.AddressFamily, IPAddress> family in service.Vips.GroupBy(v => v.AddressFamily))
                {
                    // Where two Services claim an address, the first by name has it; the controller reports such clashes.
                    IPAddress[] vips = [.. family.Where(vip => taken.Add((vip, port.Port, port.Protocol)))];
                    if (vips.Length > 0) ports.Add(new(service.Name.Namespace, port, vips, [.. port.Backends.Where(b => b.Address.AddressFamily == family.Key)]));
                }
            }
        }
        HashSet<string> coarse = BackendSlots.FindCoarse(ports.Select(p => (p.Namespace, p.Weights)), _maxSlots);
        foreach (KernelPort port in ports) AddServicePort(port, coarse.Contains(port.Namespace) ? BackendSlots.Coarse : BackendSlots.Fine);
        _next.CoarseNamespaces = [.. coarse.Order(StringComparer.Ordinal)];
    }

    // By the workloads' own addresses. What ports behind the proxy say is an answer that came through it.
    private void AddWorkloadPorts()
    {
        Dictionary<(IPAddress Address, TransportPort Port), CvServiceFlag> ports = [];
        foreach (WorkloadInfo workload in _snapshot.Workloads.Values.Where(w => w.Enrolled)) Add(workload, workload.ExcludedPorts.SelectMany(p => Enum.GetValues<TransportProtocol>().Select(t => new TransportPort(p, t))), CvServiceFlag.Excluded);
        foreach (LocalEndpoint endpoint in _endpoints) Add(endpoint.Workload, ProxyNeed.PortsOf(endpoint.Workload, _requestPorts), CvServiceFlag.BehindProxy);
        foreach (((IPAddress address, TransportPort port), CvServiceFlag flags) in ports)
        {
            _next.Services.Add(
                new CvServiceKey { Generation = _next.Number, Addr = AbiAddress.From(address), Port = port.Port, Proto = (byte)port.Protocol },
                new CvService { Flags = (uint)flags });
        }

        void Add(WorkloadInfo workload, IEnumerable<TransportPort> some, CvServiceFlag flag)
        {
            foreach (TransportPort port in some)
            {
                foreach (IPAddress address in workload.Addresses) ports[(address, port)] = ports.GetValueOrDefault((address, port)) | flag;
            }
        }
    }

    private void AddServicePort(KernelPort at, int maxSlots)
    {
        (_, ServicePort port, IPAddress[] vips, ServiceBackend[] backends) = at;
        uint flags = (_routedPorts.Contains(port) ? (uint)CvServiceFlag.Routed : 0) | (ProxyNeed.Of(port) ? (uint)CvServiceFlag.Proxy : 0) | (port.LoadBalancing == LoadBalancing.SourceHash ? (uint)CvServiceFlag.SourceHash : 0);
        uint id = ++_lastService;
        ushort[] weights = at.Weights;
        int[] slots = WeightedSlots.Spread(weights, maxSlots);
        if (WeightedSlots.IsExact(weights, maxSlots)) flags |= (uint)CvServiceFlag.Exact;
        for (int slot = 0; slot < slots.Length; slot++)
        {
            ServiceBackend backend = backends[slots[slot]];
            _next.Backends.Add(
                new CvBackendKey { Generation = _next.Number, Service = id, Slot = (uint)slot },
                new CvBackend { Addr = AbiAddress.From(backend.Address), Port = backend.Port });
        }
        foreach (IPAddress vip in vips)
        {
            _next.Services.Add(
                new CvServiceKey { Generation = _next.Number, Addr = AbiAddress.From(vip), Port = port.Port, Proto = (byte)port.Protocol },
                new CvService { Id = id, Slots = (uint)slots.Length, Flags = flags });
        }
    }

    /// <summary>A port of a Service at its addresses of one family.</summary>
    private sealed record KernelPort(string Namespace, ServicePort Port, IPAddress[] Vips, ServiceBackend[] Backends)
    {
        internal ushort[] Weights { get; } = [.. Backends.Select(b => b.Weight)];
    }
}
