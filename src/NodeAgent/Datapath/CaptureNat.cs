using System.Net;
using System.Text.Json;
using Culvert.Core;
using Culvert.Interop.Netfilter;
using Culvert.NodeAgent.Options;
using Microsoft.Extensions.Logging;

namespace Culvert.NodeAgent.Datapath;

/// <summary>
/// The agent's nft table, whose chains come before those of others that translate addresses: they bind a flow to the addresses that it has, and the kernel asks no further chain of a flow that is bound. It is there
/// only while others' chains are: without them nothing translates, and connection tracking, which its chains need, would be work for nothing. Thread-safe.
/// </summary>
/// <remarks>
/// <c>keep-destination</c> (prerouting): captured packets, which kube-proxy would send to a Service's backend; tunnels to workloads of this node, since a Service may claim any address as an external one; and what
/// comes to this node at the ports of metrics and readiness, since a pod may ask for any port of its host.
/// <c>keep-own-destination</c> (output): the same of this node's own packets, as are a kubelet's probes and the tunnels that the proxy opens.
/// <c>keep-source</c> (postrouting): what the proxy delivers to workloads of the node, where somebody masquerades between pods: the answer to another source would not find the proxy; and tunnels from workloads'
/// addresses.
/// </remarks>
internal sealed class CaptureNat(AgentOptions options, TimeProvider time, ILogger logger)
{
    // Listing all chains is work where kube-proxy has thousands; what matters at once is the table itself.
    private static readonly TimeSpan BetweenLooks = TimeSpan.FromSeconds(25);

    private readonly Lock _lock = new();
    private readonly CaptureNatTable _table = new(options);
    private string? _made; // as nft lists it
    private KeptSources _sources = new(false, []), _madeFor = new(false, []);
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
        lock (_lock) Keep(_sources with { Tunnels = keep });
    }

    /// <summary>Says to which addresses of this node what the proxy sends is to keep its source, and makes the table accordingly where it is not.</summary>
    internal void KeepSourcesTo(IEnumerable<IPAddress> workloads)
    {
        EquatableArray<IPAddress> sorted = workloads.Distinct().OrderBy(a => a.ToString(), StringComparer.Ordinal).ToEquatableArray();
        lock (_lock) Keep(_sources with { Workloads = sorted });
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

    /// <summary>Removes this agent's table, and makes none any more.</summary>
    internal void Leave()
    {
        lock (_lock)
        {
            _done = true;
            if (_made is null) return;
            Try(nft =>
            {
                nft.Run(_table.Remove);
                return [];
            });
        }
    }

    private void Keep(KeptSources next)
    {
        if (_sources == next) return;
        bool asksTheSame = _sources.Any == next.Any;
        _sources = next;
        // Where nobody translates, the watcher tells when somebody begins to.
        if (!_done && (_made is not null || !asksTheSame)) Try(Look);
    }

    private IReadOnlyList<string> Look(NftContext nft)
    {
        bool isThere = _made is not null && IsAsMade(nft), isWanted = isThere && _madeFor == _sources, recent = time.GetElapsedTime(_looked) < BetweenLooks;
        if (isWanted && recent) return [];
        string? others = "";
        if (!isThere || !recent)
        {
            others = NatTables.FindOthers(nft, _sources.Any);
            _looked = time.GetTimestamp();
        }
        if (others is null)
        {
            if (_made is null) return [];
            nft.Run(_table.Remove);
            _made = null;
            DatapathLog.NatTableRemoved(logger, _table.Name);
            return [];
        }
        if (isWanted) return [];
        bool first = _made is null, restored = !first && !isThere;
        nft.Run(_table.Make(_sources));
        (_made, _madeFor) = (nft.Run($"list table {_table.Name}"), _sources);
        if (first) DatapathLog.NatTableMade(logger, others, _table.Name);
        return restored ? [$"nft table {_table.Name}"] : [];
    }

    private bool IsAsMade(NftContext nft)
    {
        try
        {
            return nft.Run($"list table {_table.Name}") == _made;
        }
        catch (NftException)
        {
            return false; // there is none: making it tells whether something else is wrong
        }
    }

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
