using System.Threading.Channels;
using Culvert.Core;
using Culvert.Interop.Netlink;
using Culvert.NodeAgent.Proxy.Model;
using Microsoft.Extensions.Logging;

namespace Culvert.NodeAgent.Datapath;

/// <summary>
/// Knows from which addresses tunnels are opened: routing rules about single workloads, as AWS's CNI makes them for addresses of further network interfaces, say that others look at who sends what. Thread-safe.
/// </summary>
internal sealed class TunnelSourceKeeper(RouteNetlink netlink, DatapathState state, CaptureNat nat, ILogger logger) : ITunnelSource
{
    /// <summary>The longest time between two looks, for tables of which nobody tells.</summary>
    internal static readonly TimeSpan Interval = TimeSpan.FromSeconds(30);

    private readonly Lock _looking = new();
    private readonly Channel<bool> _changes = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
    private IReadOnlyList<RuledSource> _rules = [];
    private string? _failure;
    private volatile MeshSettings _settings = new();
    private volatile TunnelSourceInForce _current = new(false, []);

    /// <inheritdoc/>
    public bool IsPod => _current.IsPod;

    /// <summary>What is in force.</summary>
    internal TunnelSourceInForce Current => _current;

    /// <summary>Has something whenever there is reason for a <see cref="Look"/>.</summary>
    internal ChannelReader<bool> Changes => _changes.Reader;

    /// <summary>Takes note of a snapshot's settings, for the look that comes with its workloads.</summary>
    internal void Use(MeshSettings settings) => _settings = settings;

    /// <summary>Asks for a look: rules may have changed.</summary>
    internal void Wake() => _changes.Writer.TryWrite(true);

    /// <summary>Looks at the node's rules and puts what comes of it into force.</summary>
    internal void Look()
    {
        lock (_looking)
        {
            Read();
            DatapathInForce datapath = state.Current;
            TunnelSourceInForce next = TunnelSourceInForce.Of(_settings.TunnelSource, _rules, datapath.Endpoints.SelectMany(e => e.Workload.Addresses).ToHashSet(), datapath.Uplinks);
            bool changed = next.IsPod != _current.IsPod;

            // Nobody must translate the very first of them: the kernel asks once for each connection.
            if (next.IsPod) nat.KeepSources(true);
            _current = next;
            if (!next.IsPod) nat.KeepSources(false);
            if (changed) DatapathLog.TunnelSource(logger, next.IsPod ? "the workloads' addresses" : "the node's address", string.Join("; ", next.Reasons));
        }
    }

    // What can't be read is as it was: a node must not change its mind for that.
    private void Read()
    {
        try
        {
            IpRule[] rules = [.. netlink.GetRules().Where(r => r.SingleSource is not null && !IpRoute.IsOrdinary(r.Table))];
            ILookup<int, IpRoute> routes = rules.Length == 0 ? Array.Empty<IpRoute>().ToLookup(r => r.Table) : netlink.GetRoutes(0).ToLookup(r => r.Table);
            _rules = [.. rules.Select(r => new RuledSource(r, routes[r.Table].Where(o => o.Type == RouteType.Unicast && o.Destination.BaseAddress.AddressFamily == r.Family).Select(o => o.InterfaceIndex).Distinct().ToEquatableArray()))];
            _failure = null;
        }
        catch (NetlinkException e)
        {
            if (e.Message != _failure) DatapathLog.RulesUnread(logger, e.Message);
            _failure = e.Message;
        }
    }
}
