using System.Net;

namespace Culvert.Core;

/// <summary>Looks compiled policy up just as the kernel does; for tests and for explaining. Immutable.</summary>
public sealed class PolicyTable
{
    private readonly Dictionary<(uint PolicySet, uint Class, PortPrefix Ports, TransportProtocol Protocol), PolicyEntry> _entries;
    private readonly Dictionary<IpPrefix, AddressClass> _addresses;
    private readonly int[] _lengths4;
    private readonly int[] _lengths6;

    /// <summary>Indexes <paramref name="policy"/>.</summary>
    public PolicyTable(CompiledPolicy policy)
    {
        ArgumentNullException.ThrowIfNull(policy);
        _entries = policy.Entries.ToDictionary(e => (e.PolicySetId, e.ClassId, e.Ports, e.Protocol));
        _addresses = policy.AddressClasses.ToDictionary(a => a.Prefix);
        _lengths4 = Lengths(v6: false);
        _lengths6 = Lengths(v6: true);
    }

    /// <summary>The class of an address.</summary>
    /// <param name="address">The address.</param>
    /// <param name="authenticated">Whether it is proven that the flow comes from the workload that has the address.</param>
    public uint Classify(IPAddress address, bool authenticated)
    {
        IpPrefix host = IpPrefix.Host(address);
        foreach (int length in host.IsIPv6 ? _lengths6 : _lengths4)
        {
            if (_addresses.TryGetValue(host.Shorten(length), out AddressClass found)) return authenticated ? found.AuthenticatedClassId : found.AnonymousClassId;
        }
        return 0;
    }

    /// <summary>The verdict for a flow, or null when the policy set is not known.</summary>
    public PolicyEntry? Find(uint policySet, uint classId, ushort port, TransportProtocol protocol)
    {
        foreach (uint candidate in (ReadOnlySpan<uint>)[classId, PolicyEntry.AnyClass])
        {
            for (int length = PortPrefix.Bits; length >= 0; length--)
            {
                if (_entries.TryGetValue((policySet, candidate, PortPrefix.Of(port, (byte)length), protocol), out PolicyEntry entry)) return entry;
            }
        }
        return null;
    }

    private int[] Lengths(bool v6) => [.. _addresses.Keys.Where(p => p.IsIPv6 == v6).Select(p => p.Length).Distinct().OrderDescending()];
}
