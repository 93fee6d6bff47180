using System.Collections.Immutable;
using System.Threading.Channels;
using Culvert.Interop.Netlink;

namespace Culvert.NodeAgent.Datapath;

/// <summary>Tells, on a thread of its own, which links came, went or changed, and when host routes did.</summary>
internal sealed class LinkWatcher : IDisposable
{
    private readonly NetlinkMonitor _monitor = NetlinkMonitor.Open();
    private readonly CancellationTokenSource _stop = new();
    private readonly Channel<ImmutableArray<string>> _changes = Channel.CreateUnbounded<ImmutableArray<string>>(new UnboundedChannelOptions { SingleReader = true });
    private readonly Thread _thread;

    internal LinkWatcher()
    {
        _thread = new Thread(Run) { Name = "culvert-links", IsBackground = true };
        _thread.Start();
    }

    /// <summary>Names of links that changed, batch by batch. A batch without names means: anything may have.</summary>
    internal ChannelReader<ImmutableArray<string>> Changes => _changes.Reader;

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
                bool all = events.Any(e => e.Kind is NetlinkEventKind.Lost or NetlinkEventKind.RouteChanged or NetlinkEventKind.AddressChanged or NetlinkEventKind.AddressRemoved);
                ImmutableArray<string> names = [.. events.Where(e => e.Link is not null).Select(e => e.Link!.Name).Distinct(StringComparer.Ordinal)];
                if (all || !names.IsEmpty) _changes.Writer.TryWrite(all ? [] : names);
            }
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            _changes.Writer.Complete();
        }
        catch (Interop.KernelException e)
        {
            _changes.Writer.Complete(e);
        }
    }
}
