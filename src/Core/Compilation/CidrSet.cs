using System.Net;

namespace Culvert.Core;

/// <summary>The prefixes that policies name. Prefixes either nest or are disjoint, so the longest that holds an address stands for all that do.</summary>
internal sealed class CidrSet
{
    private readonly HashSet<IpPrefix> _prefixes;
    private readonly int[] _lengths4;
    private readonly int[] _lengths6;

    public CidrSet(IEnumerable<IpPrefix> prefixes)
    {
        _prefixes = [.. prefixes];
        _lengths4 = [.. _prefixes.Where(p => !p.IsIPv6).Select(p => p.Length).Distinct().OrderDescending()];
        _lengths6 = [.. _prefixes.Where(p => p.IsIPv6).Select(p => p.Length).Distinct().OrderDescending()];
    }

    public IReadOnlyCollection<IpPrefix> Prefixes => _prefixes;

    /// <summary>The longest prefix that holds the address, or null.</summary>
    public IpPrefix? Find(IPAddress address)
    {
        IpPrefix host = IpPrefix.Host(address);
        foreach (int length in host.IsIPv6 ? _lengths6 : _lengths4)
        {
            IpPrefix candidate = host.Shorten(length);
            if (_prefixes.Contains(candidate)) return candidate;
        }
        return null;
    }
}
