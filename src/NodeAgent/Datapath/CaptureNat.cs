using System.Text.Json;
using Culvert.Interop.Netfilter;
using Culvert.NodeAgent.Options;
using Microsoft.Extensions.Logging;

namespace Culvert.NodeAgent.Datapath;

/// <summary>
/// The agent's nft table, by which captured packets keep their destination where others translate destinations, as kube-proxy does with those of Services: a chain before theirs binds such a flow to the
/// destination that it has, and the kernel asks no further chain of a flow that is bound. It is there only while others' chains are: without them nothing translates, and connection tracking, which the chain
/// needs, would be work for nothing. In the same way tunnels from workloads' addresses keep their source where others translate sources. Thread-safe.
/// </summary>
internal sealed class CaptureNat(AgentOptions options, TimeProvider time, ILogger logger)
{
    // Listing all chains is work where kube-proxy has thousands; what matters at once is the table itself.
    private static readonly TimeSpan BetweenLooks = TimeSpan.FromSeconds(25);

    private readonly Lock _lock = new();
    private readonly string _table = $"inet {NatTables.NameOf(options.Marks)}";
    private string? _made; // as nft lists it
    private bool _forSources, _madeForSources;
    private bool _done;
    private volatile string? _failure;
    private long _looked;

    /// <summary>Why the agent does not know whether others translate addresses, or can't keep captured packets out of that; null when it does.</summary>
    internal string? Failure => _failure;

    /// <summary>Removes tables of agents before this one. Not while there is another agent, whose they may be.</summary>
    internal void RemoveOthers() => Try(NatTables.RemoveAll);

    /// <summary>Makes the table when others translate addresses and it is not there as it was made, and removes it when nobody does any more. Does nothing after <see cref="Remove"/> or <see cref="Leave"/>.</summary>
    /// <returns>One line for what had been made before and was missing.</returns>
    internal IReadOnlyList<string> Ensure()
    {
        lock (_lock) return _done ? [] : Try(Look);
    }

    /// <summary>Says whether tunnels are to keep their source, and makes the table accordingly where it is not.</summary>
    internal void KeepSources(bool keep)
    {
        lock (_lock)
        {
            if (_forSources == keep) return;
            _forSources = keep;
            if (!_done) Try(Look);
        }
    }

    /// <summary>Removes the tables of agents, and makes none any more; returns one line for each. For when there is no other agent.</summary>
    internal IReadOnlyList<string> Remove()
    {
        lock (_lock)
        {
            _done = true;
            return Try(NatTables.RemoveAll);
        }
    }

    /// <summary>Makes nothing any more, and leaves what there is to others.</summary>
    internal void Leave()
    {
        lock (_lock) _done = true;
    }

    private IReadOnlyList<string> Look(NftContext nft)
    {
        bool asMade = _made is not null && _madeForSources == _forSources && IsAsMade(nft);
        if (asMade && time.GetElapsedTime(_looked) < BetweenLooks) return [];
        string? others = NatTables.FindOthers(nft, _forSources);
        _looked = time.GetTimestamp();
        if (others is null)
        {
            if (_made is null) return [];
            _made = null;
            DatapathLog.NatTableRemoved(logger, _table);
            nft.Run($"add table {_table}\ndelete table {_table}");
            return [];
        }
        if (asMade) return [];
        bool first = _made is null, restored = !first && _madeForSources == _forSources;
        nft.Run(Commands());
        (_made, _madeForSources) = (nft.Run($"list table {_table}"), _forSources);
        if (first) DatapathLog.NatTableMade(logger, others, _table);
        return restored ? [$"nft table {_table}"] : [];
    }

    private bool IsAsMade(NftContext nft)
    {
        try
        {
            return nft.Run($"list table {_table}") == _made;
        }
        catch (NftException)
        {
            return false; // there is none: making it tells whether something else is wrong
        }
    }

    // In one transaction, whatever was there. The priority is one before that of every other's chain.
    private string Commands() => $$"""
        add table {{_table}}
        delete table {{_table}}
        table {{_table}} {
          chain keep-destination {
            type nat hook prerouting priority dstnat - 1; policy accept;
            meta mark & {{options.Marks}} == 0x{{options.Marks.Capture:x}} meta l4proto { tcp, udp } meta nfproto ipv4 dnat ip to ip daddr
            meta mark & {{options.Marks}} == 0x{{options.Marks.Capture:x}} meta l4proto { tcp, udp } meta nfproto ipv6 dnat ip6 to ip6 daddr
          }
          {{(_forSources ? KeepSource() : "")}}
        }
        """;

    private string KeepSource() => $$"""
        chain keep-source {
            type nat hook postrouting priority srcnat - 1; policy accept;
            meta mark & {{options.Marks}} == 0x{{options.Marks.Proxy:x}} tcp dport {{options.TunnelPort}} meta nfproto ipv4 snat ip to ip saddr
            meta mark & {{options.Marks}} == 0x{{options.Marks.Proxy:x}} tcp dport {{options.TunnelPort}} meta nfproto ipv6 snat ip6 to ip6 saddr
          }
        """;

    // Without libnftables, or netfilter in the kernel, the agent goes on: it says so once, and again when the reason is another.
    private IReadOnlyList<string> Try(Func<NftContext, IReadOnlyList<string>> action)
    {
        try
        {
            using NftContext nft = NftContext.Open();
            IReadOnlyList<string> result = action(nft);
            _failure = null;
            return result;
        }
        catch (Exception e) when (e is NftException or JsonException or IOException or UnauthorizedAccessException)
        {
            if (e.Message != _failure) DatapathLog.NatUnknown(logger, e.Message);
            _failure = e.Message;
            return [];
        }
    }
}
