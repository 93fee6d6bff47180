using System.Threading.Channels;
using Microsoft.Extensions.Logging;

namespace Culvert.Controller.Identity.Spire.Entries;

/// <summary>Keeps the entries of enrolled pods at a SPIRE server while its controller leads: whenever the world changes, and from time to time. Safe for any number of threads.</summary>
/// <param name="server">The server.</param>
/// <param name="source">What entries there should be.</param>
/// <param name="options">Which, and how patiently.</param>
/// <param name="metrics">Where it is counted.</param>
/// <param name="time">The clock.</param>
/// <param name="logger">Where it is said what was done and what can't be.</param>
internal sealed class EntryKeeper(SpireServer server, IEntrySource source, SpireEntryOptions options, EntryMetrics metrics, TimeProvider time, ILogger logger) : IAsyncDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly Lock _lock = new();
    private Task _running = Task.CompletedTask;

    /// <summary>Raised after each pass over the entries, on any thread.</summary>
    public event Action<EntryStatus>? Passed;

    /// <summary>Keeps them until it is cancelled, or this is disposed of. What was known of the server is forgotten with it: while another one leads, that may change.</summary>
    /// <param name="leading">Cancelled when this one does not lead any more: nothing is asked of the server afterwards.</param>
    public Task RunAsync(CancellationToken leading)
    {
        lock (_lock) return _running = _stop.IsCancellationRequested ? Task.CompletedTask : Task.Run(() => KeepAsync(leading), CancellationToken.None);
    }

    /// <summary>Ends it.</summary>
    public async ValueTask DisposeAsync()
    {
        Task running;
        lock (_lock) running = _running;
        await _stop.CancelAsync();
        await running;
        _stop.Dispose();
    }

    private async Task KeepAsync(CancellationToken leading)
    {
        using CancellationTokenSource ending = CancellationTokenSource.CreateLinkedTokenSource(leading, _stop.Token);
        Channel<bool> news = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
        void Tell() => news.Writer.TryWrite(true);
        source.Changed += Tell;
        try
        {
            EntryTerm term = new(server, source, options, metrics, time, logger);
            while (true)
            {
                TimeSpan pause = await term.PassAsync(ending.Token);
                Passed?.Invoke(term.Status);
                await WaitAsync(news.Reader, pause, ending.Token);
            }
        }
        catch (OperationCanceledException) when (ending.IsCancellationRequested)
        {
            // Somebody else leads, or all ends.
        }
        finally
        {
            source.Changed -= Tell;
            metrics.Resign();
        }
    }

    // Until it is time, or there is news, of which more is soon to come.
    private async Task WaitAsync(ChannelReader<bool> news, TimeSpan pause, CancellationToken cancellationToken)
    {
        using (CancellationTokenSource waiting = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken))
        {
            await Task.WhenAny(Task.Delay(pause, time, waiting.Token), news.WaitToReadAsync(waiting.Token).AsTask());
            await waiting.CancelAsync();
        }
        cancellationToken.ThrowIfCancellationRequested();
        if (!news.TryRead(out _)) return;
        if (options.Gathering > TimeSpan.Zero) await Task.Delay(options.Gathering, time, cancellationToken);
        news.TryRead(out _);
    }
}
