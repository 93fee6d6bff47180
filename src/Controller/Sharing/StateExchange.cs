using System.Collections.Immutable;
using Culvert.Kubernetes.Metrics;
using Culvert.Kubernetes.WorkQueue;
using k8s.Models;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Culvert.Controller.Sharing;

/// <summary>Has what is known here and what the Secret says agree, from the start to the stop. Safe for any number of threads.</summary>
internal sealed class StateExchange : IHostedService, IDisposable
{
    private const string Queue = "shared-state";
    private static readonly TimeSpan Retry = TimeSpan.FromSeconds(5);

    private readonly StateSecret _secret;
    private readonly ImmutableArray<ISharedPart> _parts;
    private readonly ILogger _logger;
    private readonly WorkQueue<string> _queue;
    private readonly CancellationTokenSource _stop = new();
    private Task _work = Task.CompletedTask;

    /// <summary>Why nothing can be exchanged at present, which is said once; null while it can. Of the one worker.</summary>
    private string? _failure;

    /// <param name="secret">What all know.</param>
    /// <param name="parts">What is known here.</param>
    /// <param name="metrics">Where it is counted.</param>
    /// <param name="time">The clock.</param>
    /// <param name="logger">Where it is said that it can't be.</param>
    public StateExchange(StateSecret secret, ImmutableArray<ISharedPart> parts, KubernetesMetrics metrics, TimeProvider time, ILogger logger)
    {
        (_secret, _parts, _logger) = (secret, parts, logger);
        _queue = new(Queue, new(), metrics, time);
    }

    /// <summary>Begins to exchange.</summary>
    public Task StartAsync(CancellationToken cancellationToken)
    {
        foreach (ISharedPart part in _parts) part.Changed += Signal;
        _secret.Changed += Signal;
        Signal();
        _work = new QueueWorkers<string>(Queue, _queue, ExchangeAsync, _logger).RunAsync(1, _stop.Token);
        return Task.CompletedTask;
    }

    public async Task StopAsync(CancellationToken cancellationToken)
    {
        foreach (ISharedPart part in _parts) part.Changed -= Signal;
        _secret.Changed -= Signal;
        await _stop.CancelAsync();
        await _work;
    }

    public void Dispose()
    {
        _queue.Dispose();
        _stop.Dispose();
    }

    private void Signal() => _queue.Add(Queue);

    private async Task<TimeSpan?> ExchangeAsync(string key, CancellationToken cancellationToken)
    {
        try
        {
            V1Secret read = await _secret.ReadAsync(cancellationToken);
            List<KeyValuePair<string, byte[]?>> news = [];
            Exception? failure = null;
            foreach (ISharedPart part in _parts)
            {
                try
                {
                    news.AddRange(part.Exchange(read));
                }
                catch (Exception e) when (e is IOException or UnauthorizedAccessException)
                {
                    failure = e; // the others' are exchanged all the same
                }
            }
            if (news.Count > 0 && await _secret.WriteAsync(news, read.Metadata.ResourceVersion, cancellationToken) is null) Signal();
            if (failure is not null) throw new IOException(failure.Message, failure);
            if (_failure is not null) SharingLog.Exchanged(_logger);
            _failure = null;
            return null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            if (_failure != e.Message) SharingLog.NotExchanged(_logger, _secret.Name, Retry.TotalSeconds, e.Message);
            _failure = e.Message;
            return Retry;
        }
    }
}
