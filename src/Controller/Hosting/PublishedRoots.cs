using Culvert.Controller.Identity;
using Culvert.Controller.Sources.Kubernetes;
using Culvert.Kubernetes.Errors;
using Culvert.Kubernetes.Metrics;
using Culvert.Kubernetes.Resources;
using Culvert.Kubernetes.WorkQueue;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Culvert.Controller.Hosting;

/// <summary>
/// The roots in PEM in an object of the cluster. Kept current from the start to the stop, also after others have changed it; the object itself is not this one's to make, so that the role needs no more than to patch it.
/// Several controllers may keep one. Safe for any number of threads.
/// </summary>
internal abstract class PublishedRoots : IHostedService, IDisposable
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(60), RetryDelay = TimeSpan.FromSeconds(10);

    private readonly ResourceName _name;
    private readonly string _what;
    private readonly ICertificateAuthority _authority;
    private readonly ILogger _logger;
    private readonly WorkQueue<ResourceName> _queue;
    private readonly CancellationTokenSource _stop = new();
    private Task _work = Task.CompletedTask;
    private ApiFailure? _failure;

    /// <param name="what">What it is called in metrics.</param>
    /// <param name="name">The object.</param>
    /// <param name="authority">Whose roots.</param>
    /// <param name="metrics">Where it is counted.</param>
    /// <param name="time">The clock.</param>
    /// <param name="logger">Where it is said that a change of them was not taken up.</param>
    protected PublishedRoots(string what, ResourceName name, ICertificateAuthority authority, KubernetesMetrics metrics, TimeProvider time, ILogger logger)
    {
        (_what, _name, _authority, _logger) = (what, name, authority, logger);
        _queue = new(what, new(), metrics, time);
    }

    /// <summary>Begins to write.</summary>
    public Task StartAsync(CancellationToken cancellationToken)
    {
        _authority.RootsChanged += Signal;
        Signal();
        _work = new QueueWorkers<ResourceName>(_what, _queue, WriteAsync, _logger).RunAsync(1, _stop.Token);
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken)
    {
        _authority.RootsChanged -= Signal;
        _stop.Cancel();
        return _work;
    }

    public void Dispose()
    {
        _queue.Dispose();
        _stop.Dispose();
    }

    /// <summary>Writes the roots into the object, and nothing else.</summary>
    /// <exception cref="ApiException">It can't be done.</exception>
    protected abstract Task PatchAsync(ResourceName name, string roots, CancellationToken cancellationToken);

    /// <summary>Says that they can't be written; once, until the reason changes.</summary>
    /// <param name="name">The object.</param>
    /// <param name="seconds">After how many it is tried again.</param>
    /// <param name="remedy">What to do, with a semicolon behind it; empty where nobody knows.</param>
    /// <param name="reason">Why.</param>
    protected abstract void LogFailed(string name, double seconds, string remedy, string reason);

    /// <summary>Says that they are there again.</summary>
    protected abstract void LogWritten(string name);

    /// <summary>What to do about a failure; empty where nobody knows.</summary>
    protected virtual string RemedyOf(ApiException failure) => RoleRemedy.OfObject(failure);

    private void Signal() => _queue.Add(_name);

    /// <summary>Returns when to write the next time, if nothing changes before.</summary>
    private async Task<TimeSpan?> WriteAsync(ResourceName name, CancellationToken cancellationToken)
    {
        try
        {
            await PatchAsync(name, RootsFile.Text(_authority), cancellationToken);
            if (_failure is not null) LogWritten(name.ToString());
            _failure = null;
            return Interval;
        }
        catch (ApiException e)
        {
            if (e.Failure != _failure) LogFailed(name.ToString(), RetryDelay.TotalSeconds, RemedyOf(e), e.Message);
            _failure = e.Failure;
            TimeSpan asked = e.RetryAfter ?? RetryDelay;
            return asked < RetryDelay ? RetryDelay : asked > Interval ? Interval : asked;
        }
    }
}
