using System.Threading.Channels;
using Culvert.Interop;
using Culvert.Interop.Netfilter;
using Culvert.Interop.Netlink;

namespace Culvert.NodeAgent.Datapath;

/// <summary>Tells, on threads of its own, when the rules of nftables or IPsec policies may have changed. Of iptables-legacy the kernel tells nobody.</summary>
internal sealed class FilterWatcher : IDisposable
{
    private readonly CancellationTokenSource _stop = new();
    // One place: who looks sees all that has changed before.
    private readonly Channel<bool> _changes = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite, SingleReader = true });
    private readonly List<(IDisposable Monitor, Thread Thread)> _watches = [];

    /// <summary>Watches the namespace that the calling thread is in; where the kernel has no netfilter or no IPsec there is nothing to watch.</summary>
    internal FilterWatcher()
    {
        Watch(NftMonitor.Open, (m, stop) => m.Wait(stop), run => new Thread(run) { Name = "culvert-filters", IsBackground = true });
        try
        {
            Watch(XfrmMonitor.Open, (m, stop) => m.Wait(stop), run => new Thread(run) { Name = "culvert-ipsec", IsBackground = true });
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Has something whenever rules may have changed.</summary>
    internal ChannelReader<bool> Changes => _changes.Reader;

    public void Dispose()
    {
        _stop.Cancel();
        foreach ((IDisposable monitor, Thread thread) in _watches)
        {
            thread.Join();
            monitor.Dispose();
        }
        _changes.Writer.TryComplete();
        _stop.Dispose();
    }

    private void Watch<T>(Func<T> open, Action<T, CancellationToken> wait, Func<ThreadStart, Thread> make)
        where T : IDisposable
    {
        T monitor;
        try
        {
            monitor = open();
        }
        catch (KernelException e) when (e.Errno == Errno.EPROTONOSUPPORT)
        {
            return;
        }
        Thread thread = make(() => Run(stop => wait(monitor, stop)));
        _watches.Add((monitor, thread));
        thread.Start();
    }

    private void Run(Action<CancellationToken> wait)
    {
        try
        {
            while (true)
            {
                wait(_stop.Token);
                _changes.Writer.TryWrite(true);
            }
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            // Stopping.
        }
        catch (KernelException e)
        {
            _changes.Writer.TryComplete(e);
        }
    }
}
