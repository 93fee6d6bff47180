using System.Threading.Channels;
using Culvert.Interop;
using Culvert.Interop.Netfilter;
using Microsoft.Extensions.Logging;

namespace Culvert.NodeAgent.Datapath;

/// <summary>Tells, on a thread of its own, when rules of nftables have changed, once a second at most: kube-proxy writes often.</summary>
internal sealed class NftWatcher : IDisposable
{
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);
    private readonly CancellationTokenSource _stop = new();
    private readonly ChannelWriter<bool> _changes;
    private readonly ILogger _logger;
    private readonly NftMonitor? _monitor;
    private readonly Thread? _thread;

    /// <summary>Watches the network namespace of the calling thread; where the kernel has no netfilter there is nothing to watch.</summary>
    /// <param name="changes">Gets something after each change. Not completed at the end.</param>
    /// <param name="logger">Takes what ends the watching.</param>
    internal NftWatcher(ChannelWriter<bool> changes, ILogger logger)
    {
        (_changes, _logger) = (changes, logger);
        try
        {
            _monitor = NftMonitor.Open();
        }
        catch (KernelException e)
        {
            DatapathLog.NftUnwatched(logger, e.Message);
            return;
        }
        _thread = new Thread(Run) { Name = "culvert-nft", IsBackground = true };
        _thread.Start();
    }

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
            do
            {
                _monitor!.Wait(_stop.Token);
                _changes.TryWrite(true);
            }
            while (!_stop.Token.WaitHandle.WaitOne(Pause));
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            // Stopping.
        }
        catch (KernelException e)
        {
            DatapathLog.NftUnwatched(_logger, e.Message);
        }
    }
}
