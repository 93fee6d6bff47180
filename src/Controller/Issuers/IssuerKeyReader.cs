using System.Threading.Channels;
using Culvert.Controller.Snapshots;
using Culvert.Core;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Culvert.Controller.Issuers;

/// <summary>
/// Reads the keys of issuers whose RequestAuthentications name a URL, again and again, from its start to its stop. What could not be read leaves the keys of before in force. Here, and not at the nodes: what may be asked for is said in one place, and
/// agents need reach nobody but the controller.
/// </summary>
/// <param name="publisher">Whose catalog says which URLs are asked for.</param>
/// <param name="keys">Where they are put.</param>
/// <param name="options">How they are read.</param>
/// <param name="time">The clock.</param>
/// <param name="logger">Where it is said what was read.</param>
internal sealed class IssuerKeyReader(SnapshotPublisher publisher, IssuerKeys keys, IssuerKeyOptions options, TimeProvider time, ILogger<IssuerKeyReader> logger) : BackgroundService
{
    private const int MostAtOnce = 64;

    private static readonly TimeSpan LongestRetry = TimeSpan.FromMinutes(1);

    // Of one that is read just now.
    private static readonly DateTimeOffset Never = DateTimeOffset.MaxValue;

    private readonly IssuerClient _client = new(options);
    private readonly Dictionary<string, (DateTimeOffset Due, int Failures)> _known = new(StringComparer.Ordinal);

    /// <inheritdoc/>
    public override void Dispose()
    {
        base.Dispose();
        _client.Dispose();
    }

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        Channel<bool> news = publisher.Subscribe();
        List<Task> reading = [];
        try
        {
            while (!stoppingToken.IsCancellationRequested)
            {
                TakeUris();
                reading.RemoveAll(t => t.IsCompleted);
                foreach (string uri in Due(MostAtOnce - reading.Count)) reading.Add(ReadAsync(uri, news.Writer, stoppingToken));
                await WaitAsync(news.Reader, isFull: reading.Count == MostAtOnce, stoppingToken);
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // It is over.
        }
        finally
        {
            await Task.WhenAll(reading);
            publisher.Unsubscribe(news);
        }
    }

    // How many there may be is the compiler's to say: what there is no room for has no URL any more.
    private void TakeUris()
    {
        HashSet<string> asked = [.. publisher.Current.RequestAuthentications.Values.SelectMany(a => a.Rules).Select(r => r.KeysUri).OfType<string>()];
        lock (_known)
        {
            foreach (string gone in _known.Keys.Where(u => !asked.Contains(u)).ToArray())
            {
                _known.Remove(gone);
                keys.Forget(gone);
            }

            foreach (string uri in asked) _known.TryAdd(uri, (time.GetUtcNow(), 0));
        }
    }

    // Whoever has waited longest comes first, so that no number of new ones keeps those away that are due.
    private string[] Due(int places)
    {
        DateTimeOffset now = time.GetUtcNow();
        lock (_known)
        {
            string[] due = [.. _known.Where(k => k.Value.Due <= now).OrderBy(k => k.Value.Due).Take(places).Select(k => k.Key)];
            foreach (string uri in due) _known[uri] = (Never, _known[uri].Failures);
            return due;
        }
    }

    private async Task ReadAsync(string uri, ChannelWriter<bool> news, CancellationToken cancellationToken)
    {
        try
        {
            (EquatableArray<JwtKey> read, string? error) = await _client.ReadAsync(uri, cancellationToken);
            Take(uri, read, error);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            // It is over.
        }
        finally
        {
            news.TryWrite(true); // there is a place
        }
    }

    private void Take(string uri, EquatableArray<JwtKey> read, string? error)
    {
        lock (_known)
        {
            if (!_known.TryGetValue(uri, out (DateTimeOffset Due, int Failures) before)) return; // nobody asks for it any more
            int failures = error is null ? 0 : before.Failures + 1;
            _known[uri] = (time.GetUtcNow() + Pause(failures), failures);
            EquatableArray<JwtKey> known = keys.ByUri.GetValueOrDefault(uri)?.Keys ?? [];
            if (error is null && known != read) IssuerLog.Read(logger, uri, read.Count);
            keys.Set(uri, new IssuerKeySet(error is null ? read : known, error)); // before anybody can have forgotten it
        }
    }

    private TimeSpan Pause(int failures)
    {
        TimeSpan pause = failures == 0 ? options.Interval : options.FirstRetry * Math.Pow(2, Math.Min(failures - 1, 10));
        if (failures > 0 && pause > LongestRetry) pause = LongestRetry;
        return pause * (0.9 + (0.2 * Random.Shared.NextDouble()));
    }

    // Until there is news, or one is due for which there is a place.
    private async Task WaitAsync(ChannelReader<bool> news, bool isFull, CancellationToken cancellationToken)
    {
        DateTimeOffset next = Never;
        lock (_known)
        {
            if (!isFull && _known.Count > 0) next = _known.Values.Min(k => k.Due);
        }

        TimeSpan pause = next == Never ? Timeout.InfiniteTimeSpan : next - time.GetUtcNow();
        if (next != Never && pause <= TimeSpan.Zero) return;
        using CancellationTokenSource waiting = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        Task due = Task.Delay(pause, time, waiting.Token), changed = news.WaitToReadAsync(waiting.Token).AsTask();
        await Task.WhenAny(due, changed);
        await waiting.CancelAsync();
        while (news.TryRead(out _))
        {
            // Several changes are one.
        }

        cancellationToken.ThrowIfCancellationRequested();
    }
}
