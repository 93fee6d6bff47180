using System.Collections.Immutable;
using System.Threading.Channels;
using Culvert.Interop.Netlink;

namespace Culvert.NodeAgent.Datapath;

/// <summary>Tells, on a thread of its own, which links came, went or changed, and when host routes did; and, apart from these, when rules or the routes of one table may have.</summary>
internal sealed class LinkWatcher : IDisposable
{
    private readonly NetlinkMonitor _monitor = NetlinkMonitor.Open();
    private readonly CancellationTokenSource _stop = new();
    private readonly Channel<ImmutableArray<string>> _changes = Channel.CreateUnbounded<ImmutableArray<string>>(new UnboundedChannelOptions { SingleReader = true });
    // One place: who looks sees all that has changed before.
    private readonly Channel<bool> _routing = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite, SingleReader = true });
    private readonly Channel<bool> _rules = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite, SingleReader = true });
    private readonly int _table;
    private readonly Thread _thread;

    internal LinkWatcher(int table)
    {
        _table = table;
        _thread = new Thread(Run) { Name = "culvert-links", IsBackground = true };
        _thread.Start();
    }

    /// <summary>Names of links that changed, batch by batch. A batch without names means: anything may have.</summary>
    internal ChannelReader<ImmutableArray<string>> Changes => _changes.Reader;

    /// <summary>Has something whenever rules, routes of the table or the loopback link may have changed.</summary>
    internal ChannelReader<bool> Routing => _routing.Reader;

    /// <summary>Has something whenever rules may have changed.</summary>
    internal ChannelReader<bool> Rules => _rules.Reader;

    /// <summary>For who else finds that what brings packets to the proxy may have changed.</summary>
    internal ChannelWriter<bool> RoutingChanges => _routing.Writer;

    public void Dispose()
    {
        _stop.Cancel();
        _thread.Join();
        _monitor.Dispose();
        _stop.Dispose();
    }

    private void Run()
    {
        try
        {
            while (true)
            {
                IReadOnlyList<NetlinkEvent> events = _monitor.Read(_stop.Token);
                bool all = events.Any(e => e.Kind is NetlinkEventKind.Lost or NetlinkEventKind.RouteChanged or NetlinkEventKind.AddressChanged or NetlinkEventKind.AddressRemoved or NetlinkEventKind.TrafficControlChanged);
                ImmutableArray<string> names = [.. events.Where(e => e.Link is not null).Select(e => e.Link!.Name).Distinct(StringComparer.Ordinal)];
                if (events.Any(e => e.Kind is NetlinkEventKind.Lost or NetlinkEventKind.RuleAdded or NetlinkEventKind.RuleRemoved)) _rules.Writer.TryWrite(true);
                if (events.Any(IsOfRouting)) _routing.Writer.TryWrite(true);
                if (all || !names.IsEmpty) _changes.Writer.TryWrite(all ? [] : names);
            }
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            _changes.Writer.Complete();
            _routing.Writer.Complete();
            _rules.Writer.Complete();
        }
        catch (Interop.KernelException e)
        {
            _changes.Writer.Complete(e);
            _routing.Writer.Complete(e);
            _rules.Writer.Complete(e);
        }
    }

    // A loopback link that goes down takes the routes by it along, and the kernel tells of the link only.
    private bool IsOfRouting(NetlinkEvent change) => change.Kind switch
    {
        NetlinkEventKind.Lost or NetlinkEventKind.RuleAdded or NetlinkEventKind.RuleRemoved => true,
        NetlinkEventKind.RouteChanged or NetlinkEventKind.RouteRemoved => change.Route!.Table == _table,
        NetlinkEventKind.LinkChanged => change.Link!.Name == "lo",
        _ => false,
    };
}
