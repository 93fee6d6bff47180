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
        Channel<bool> changes = publisher.Subscribe();
        try
        {
            while (!stoppingToken.IsCancellationRequested)
            {
                TakeUris();
                await ReadDueAsync(stoppingToken);
                await WaitAsync(changes.Reader, stoppingToken);
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // It is over.
        }
        finally
        {
            publisher.Unsubscribe(changes);
        }
    }

    // How many there may be is the compiler's to say: what there is no room for has no URL any more.
    private void TakeUris()
    {
        HashSet<string> asked = [.. publisher.Current.RequestAuthentications.Values.SelectMany(a => a.Rules).Select(r => r.KeysUri).OfType<string>()];
        foreach (string gone in _known.Keys.Where(u => !asked.Contains(u)).ToArray())
        {
            _known.Remove(gone);
            keys.Forget(gone);
        }

        foreach (string uri in asked) _known.TryAdd(uri, (DateTimeOffset.MinValue, 0));
    }

    private async Task ReadDueAsync(CancellationToken cancellationToken)
    {
        DateTimeOffset now = time.GetUtcNow();
        string[] due = [.. _known.Where(k => k.Value.Due <= now).Select(k => k.Key)];
        await Parallel.ForEachAsync(due, new ParallelOptions { MaxDegreeOfParallelism = MostAtOnce, CancellationToken = cancellationToken }, async (uri, stopping) => await ReadAsync(uri, stopping));
    }

    private async Task ReadAsync(string uri, CancellationToken cancellationToken)
    {
        (EquatableArray<JwtKey> read, string? error) = await _client.ReadAsync(uri, cancellationToken);
        EquatableArray<JwtKey> before = keys.ByUri.GetValueOrDefault(uri)?.Keys ?? [];
        if (error is null && before != read) IssuerLog.Read(logger, uri, read.Count);
        lock (_known)
        {
            int failures = error is null ? 0 : _known[uri].Failures + 1; // nothing is taken out meanwhile
            _known[uri] = (time.GetUtcNow() + Pause(failures), failures);
        }

        keys.Set(uri, new IssuerKeySet(error is null ? read : before, error));
    }

    private TimeSpan Pause(int failures)
    {
        TimeSpan pause = failures == 0 ? options.Interval : options.FirstRetry * Math.Pow(2, Math.Min(failures - 1, 10));
        if (failures > 0 && pause > LongestRetry) pause = LongestRetry;
        return pause * (0.9 + (0.2 * Random.Shared.NextDouble()));
    }

    private async Task WaitAsync(ChannelReader<bool> changes, CancellationToken cancellationToken)
    {
        TimeSpan pause = _known.Count == 0 ? Timeout.InfiniteTimeSpan : _known.Values.Min(k => k.Due) - time.GetUtcNow();
        if (_known.Count > 0 && pause <= TimeSpan.Zero) return;
        using CancellationTokenSource waiting = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        Task due = Task.Delay(pause, time, waiting.Token), changed = changes.WaitToReadAsync(waiting.Token).AsTask();
        await Task.WhenAny(due, changed);
        await waiting.CancelAsync();
        while (changes.TryRead(out _))
        {
            // Several changes are one.
        }

        cancellationToken.ThrowIfCancellationRequested();
    }
}
