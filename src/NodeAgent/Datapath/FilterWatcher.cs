using System.Threading.Channels;
using Culvert.Interop;
using Culvert.Interop.Netfilter;

namespace Culvert.NodeAgent.Datapath;

/// <summary>Tells, on a thread of its own, when the rules of nftables may have changed. Of iptables-legacy the kernel tells nobody.</summary>
internal sealed class FilterWatcher : IDisposable
{
    private readonly NftMonitor? _monitor;
    private readonly CancellationTokenSource _stop = new();
    // One place: who looks sees all that has changed before.
    private readonly Channel<bool> _changes = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite, SingleReader = true });
    private readonly Thread? _thread;

    /// <summary>Watches the namespace that the calling thread is in.</summary>
    internal FilterWatcher()
    {
        try
        {
            _monitor = NftMonitor.Open();
        }
        catch (KernelException e) when (e.Errno == Errno.EPROTONOSUPPORT)
        {
            return; // a kernel without netfilter
        }
        _thread = new Thread(Run) { Name = "culvert-filters", IsBackground = true };
        _thread.Start();
    }

    /// <summary>Has something whenever rules may have changed.</summary>
    internal ChannelReader<bool> Changes => _changes.Reader;

    public void Dispose()
    {
        _stop.Cancel();
        _thread?.Join();
        _monitor?.Dispose();
        _stop.Dispose();
    }

    private void Run()
    {
        try
        {
            while (true)
            {
                _monitor!.Wait(_stop.Token);
                _changes.Writer.TryWrite(true);
            }
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            _changes.Writer.Complete();
        }
        catch (KernelException e)
        {
            _changes.Writer.Complete(e);
        }
    }
}
