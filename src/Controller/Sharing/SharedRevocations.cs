using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using Culvert.Controller.Nodes;
using Culvert.Controller.Schema;
using Culvert.Kubernetes.Metrics;
using Culvert.Kubernetes.Resources;
using Culvert.Kubernetes.WorkQueue;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Culvert.Controller.Sharing;

/// <summary>
/// Which nodes are revoked, exchanged with other controllers by a Secret: of two moments for one node the later holds, at all of them, whoever has said it. From the start to the stop. Safe for any number of threads.
/// </summary>
internal sealed class SharedRevocations : IHostedService, IDisposable
{
    private const string Prefix = "revoked-";

    // Of a key of a Secret; names of nodes of a cluster are shorter.
    private const int LongestKey = 253, LongestName = LongestKey - 8;
    private static readonly TimeSpan Retry = TimeSpan.FromSeconds(5);

    private readonly NodeStore _nodes;
    private readonly StateSecret _secret;
    private readonly ILogger _logger;
    private readonly WorkQueue<string> _queue;
    private readonly CancellationTokenSource _stop = new();
    private Task _work = Task.CompletedTask;
    private readonly Lock _lock = new();
    private IReadOnlyDictionary<string, DateTimeOffset> _known = ImmutableDictionary<string, DateTimeOffset>.Empty;

    /// <summary>Why they can't be exchanged at present, which is said once; null while they can. Of the one worker.</summary>
    private string? _failure;

    /// <param name="nodes">What is known here.</param>
    /// <param name="secret">What all know.</param>
    /// <param name="metrics">Where it is counted.</param>
    /// <param name="time">The clock.</param>
    /// <param name="logger">Where it is said what was revoked elsewhere, and what can't be exchanged.</param>
    public SharedRevocations(NodeStore nodes, StateSecret secret, KubernetesMetrics metrics, TimeProvider time, ILogger logger)
    {
        (_nodes, _secret, _logger) = (nodes, secret, logger);
        _queue = new("revocations", new(), metrics, time);
    }

    /// <summary>Begins to exchange.</summary>
    public Task StartAsync(CancellationToken cancellationToken)
    {
        _nodes.Changed += OnNodesChanged;
        _secret.Changed += Signal;
        Signal();
        _work = new QueueWorkers<string>("revocations", _queue, ExchangeAsync, _logger).RunAsync(1, _stop.Token);
        return Task.CompletedTask;
    }

    public async Task StopAsync(CancellationToken cancellationToken)
    {
        _nodes.Changed -= OnNodesChanged;
        _secret.Changed -= Signal;
        await _stop.CancelAsync();
        await _work;
    }

    public void Dispose()
    {
        _queue.Dispose();
        _stop.Dispose();
    }

    /// <summary>Takes up what others have revoked; before agents are served, so that none is let in that must not be.</summary>
    /// <exception cref="IOException">It can't be written.</exception>
    public void Take(Secret read)
    {
        IReadOnlyDictionary<string, DateTimeOffset> own = _nodes.Revocations();
        foreach ((string node, DateTimeOffset said) in Of(read))
        {
            if (own.TryGetValue(node, out DateTimeOffset known) && known >= said) continue;

            // What this controller has signed before it knew is meant, too: the node may have come here for it. Whoever was let in anew meanwhile has to prove itself once more.
            DateTimeOffset until = _nodes.SignedAt(node) is { } signed && signed > said ? signed : said;
            _nodes.Revoke(node, until);
            SharingLog.Revoked(_logger, node, until);
        }
    }

    private void Signal() => _queue.Add(Prefix);

    // It is told of far more often than there is something new.
    private void OnNodesChanged()
    {
        IReadOnlyDictionary<string, DateTimeOffset> now = _nodes.Revocations();
        lock (_lock)
        {
            if (now.Count == _known.Count && now.All(r => _known.TryGetValue(r.Key, out DateTimeOffset until) && until == r.Value)) return;
            _known = now;
        }
        Signal();
    }

    private async Task<TimeSpan?> ExchangeAsync(string key, CancellationToken cancellationToken)
    {
        try
        {
            Secret read = await _secret.ReadAsync(cancellationToken);
            Take(read);
            Dictionary<string, DateTimeOffset> known = Of(read).ToDictionary(r => r.Node, r => r.Until, StringComparer.Ordinal);
            KeyValuePair<string, byte[]?>[] news =
            [
                .. _nodes.Revocations().Where(r => r.Key.Length <= LongestName && (!known.TryGetValue(r.Key, out DateTimeOffset until) || until < r.Value))
                    .Select(r => KeyValuePair.Create<string, byte[]?>(Prefix + r.Key, Encoding.UTF8.GetBytes(r.Value.ToString("O", CultureInfo.InvariantCulture)))),
            ];
            if (news.Length > 0 && await _secret.WriteAsync(news, read.Metadata.ResourceVersion, cancellationToken) is null) Signal();
            if (_failure is not null) SharingLog.RevocationsExchanged(_logger);
            _failure = null;
            return null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            if (_failure != e.Message) SharingLog.RevocationsNotShared(_logger, Retry.TotalSeconds, e.Message);
            _failure = e.Message;
            return Retry;
        }
    }

    /// <summary>What says nothing readable is none of this one's: another version may have written it.</summary>
    private static IEnumerable<(string Node, DateTimeOffset Until)> Of(Secret read)
    {
        foreach ((string key, byte[] value) in read.Data.Where(d => d.Key.StartsWith(Prefix, StringComparison.Ordinal)))
        {
            string node = key[Prefix.Length..];
            if (Names.Subdomain(node) is null && DateTimeOffset.TryParseExact(Encoding.UTF8.GetString(value), "O", CultureInfo.InvariantCulture, DateTimeStyles.None, out DateTimeOffset until)) yield return (node, until);
        }
    }
}
