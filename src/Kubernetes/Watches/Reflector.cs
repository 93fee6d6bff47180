using Culvert.Kubernetes.Client;
using Culvert.Kubernetes.Errors;
using Culvert.Kubernetes.Metrics;
using Culvert.Kubernetes.Resources;
using k8s;
using k8s.Models;
using Microsoft.Extensions.Logging;

namespace Culvert.Kubernetes.Watches;

/// <summary>
/// Keeps a sink up to date: lists, watches from there on, goes on after a watch's end where it stood, and lists anew when the server no longer keeps that version.
/// Lists are of the newest state, never of one that the server has at hand: they could be older than what was told before.
/// </summary>
/// <typeparam name="T">The record for an object.</typeparam>
/// <param name="client">Where objects come from.</param>
/// <param name="sink">Who is told.</param>
/// <param name="options">Which, and how patiently.</param>
/// <param name="metrics">Where it is counted.</param>
/// <param name="time">The clock.</param>
/// <param name="logger">For failures.</param>
/// <param name="random">For waits; null for one of its own.</param>
public sealed class Reflector<T>(
    IResourceClient<T> client, IReflectorSink<T> sink, ReflectorOptions options, KubernetesMetrics metrics, TimeProvider time, ILogger logger, Random? random = null)
    where T : class, IKubernetesObject<V1ObjectMeta>
{
    // A watch that ends at once, again and again, is no better than one that fails.
    private static readonly TimeSpan ShortestWatch = TimeSpan.FromSeconds(1);

    private static readonly Task Never = new TaskCompletionSource().Task;

    private readonly Random _random = random ?? Random.Shared;
    private string? _version;
    private bool _isBehind;
    private Task _return = Task.CompletedTask; // of the server, told by another watch

    /// <summary>Runs until it is cancelled; nothing else ends it but an exception of the sink.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        var backoff = new Backoff(options.FirstBackoff, options.LongestBackoff, _random);
        while (!cancellationToken.IsCancellationRequested)
        {
            if (options.ListsAnew) _version = null;
            _return = options.Return.Next; // that of others during the attempt counts
            try
            {
                if (_version is null) await ListAsync(cancellationToken);
                bool lasted = await WatchAsync(backoff, cancellationToken);
                if (lasted) continue;
                await Task.Delay(backoff.Next(), time, cancellationToken);
            }
            catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
            {
                return;
            }
            catch (ApiException e)
            {
                bool isExpired = e.Failure == ApiFailure.Expired && _version is not null;
                if (_version is not null) metrics.WatchEnded(client.Type.FullName, isExpired ? "expired" : "failed");
                if (isExpired) Forget();
                else await WaitAsync(backoff, e, cancellationToken);
            }
        }
    }

    private async Task ListAsync(CancellationToken cancellationToken)
    {
        var list = new ListOptions { Namespace = options.Namespace, LabelSelector = options.LabelSelector, FieldSelector = options.FieldSelector, Limit = options.PageSize };
        ResourcePage<T> all = await client.ListAsync(list, cancellationToken);
        foreach (UnreadableObject unreadable in all.Unreadable) Tell(unreadable);
        sink.Replace(all);
        _version = all.ResourceVersion;
    }

    /// <summary>Whether it lasted, so that the next one may begin at once.</summary>
    private async Task<bool> WatchAsync(Backoff backoff, CancellationToken cancellationToken)
    {
        var watch = new WatchOptions
        {
            Namespace = options.Namespace,
            LabelSelector = options.LabelSelector,
            FieldSelector = options.FieldSelector,
            ResourceVersion = _version,
            Timeout = options.WatchTime * (1 + _random.NextDouble()),
        };
        long start = time.GetTimestamp();
        bool hasEvents = false;
        await foreach (WatchEvent<T> change in client.WatchAsync(watch, cancellationToken))
        {
            if (change.Type == WatchEventType.Opened)
            {
                Recovered();
                continue;
            }
            if (change.Unreadable is { } unreadable) Tell(unreadable);
            if (change.Type != WatchEventType.Bookmark) sink.Apply(change);
            _version = change.ResourceVersion;
            hasEvents = true;
            backoff.Reset();
        }
        metrics.WatchEnded(client.Type.FullName, "timeout");
        bool lasted = hasEvents || time.GetElapsedTime(start) >= ShortestWatch;
        if (lasted) backoff.Reset();
        return lasted;
    }

    private void Forget()
    {
        WatchLog.Relists(logger, client.Type.FullName, _version!);
        _version = null;
    }

    private async Task WaitAsync(Backoff backoff, ApiException error, CancellationToken cancellationToken)
    {
        TimeSpan wait = backoff.Next(error.RetryAfter);
        _isBehind = true;
        sink.Failed(error);
        WatchLog.Failed(logger, client.Type.FullName, error.Failure, wait.TotalSeconds, MissingVerb.Remedy(error), error.Message);
        Task until = error.RetryAfter is null ? _return : Never;
        await until.WaitAsync(wait, time, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (until.IsCompletedSuccessfully) backoff.Reset();
    }

    private void Recovered()
    {
        sink.Watching();
        if (!_isBehind) return;
        _isBehind = false;
        WatchLog.Recovered(logger, client.Type.FullName);
        options.Return.Tell(time);
        _return = options.Return.Next;
    }

    private void Tell(UnreadableObject unreadable)
    {
        metrics.Unreadable(client.Type.FullName);
        WatchLog.Unreadable(logger, client.Type.FullName, unreadable.Metadata.ResourceName.ToString(), unreadable.Reason);
    }
}
