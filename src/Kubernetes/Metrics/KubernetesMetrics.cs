using System.Diagnostics.Metrics;

namespace Culvert.Kubernetes.Metrics;

/// <summary>
/// What the client counts, by <see cref="System.Diagnostics.Metrics"/>. Labels: verb, resource (<c>plural.group</c>) and code are bounded by what the program asks for;
/// names of objects are never labels. Safe for use by many threads.
/// </summary>
public sealed class KubernetesMetrics : IDisposable
{
    /// <summary>Name of the meter.</summary>
    public const string MeterName = "Culvert.Kubernetes";

    private const string Verb = "verb";
    private const string Resource = "resource";
    private const string Code = "code";
    private const string Reason = "reason";
    private const string Queue = "queue";

    private readonly Meter _meter;
    private readonly Counter<long> _requests;
    private readonly Histogram<double> _duration;
    private readonly Histogram<double> _limiterWait;
    private readonly Counter<long> _watchEnds;
    private readonly Counter<long> _watchEvents;
    private readonly Counter<long> _listPages;
    private readonly Counter<long> _unreadable;
    private readonly UpDownCounter<long> _informerLag;
    private readonly Counter<long> _handlerFailures;
    private readonly UpDownCounter<long> _queueDepth;
    private readonly Counter<long> _queueAdds;
    private readonly Counter<long> _queueRetries;
    private readonly Histogram<double> _queueAge;
    private readonly Histogram<double> _queueWork;
    private readonly UpDownCounter<long> _leading;

    /// <param name="factory">Makes the meter and owns it; null for one of its own.</param>
    public KubernetesMetrics(IMeterFactory? factory = null)
    {
        var options = new MeterOptions(MeterName);
        _meter = factory?.Create(options) ?? new Meter(options);
        _requests = _meter.CreateCounter<long>("culvert.kubernetes.requests", "{request}", "Requests to the API by verb, resource and code of the answer, or the failure where there was none.");
        _duration = _meter.CreateHistogram<double>("culvert.kubernetes.request.duration", "s", "Time from a request to the end of its answer's header, without waiting for the rate limit.");
        _limiterWait = _meter.CreateHistogram<double>("culvert.kubernetes.rate_limiter.wait", "s", "Time that requests waited for the client's own rate limit.");
        _watchEnds = _meter.CreateCounter<long>("culvert.kubernetes.watch.ends", "{watch}", "Watches that ended by resource and reason: timeout (the server's, as asked for), expired, failed.");
        _watchEvents = _meter.CreateCounter<long>("culvert.kubernetes.watch.events", "{event}", "Events of watches by resource, bookmarks included.");
        _listPages = _meter.CreateCounter<long>("culvert.kubernetes.list.pages", "{page}", "Pages of lists that were read, by resource.");
        _unreadable = _meter.CreateCounter<long>("culvert.kubernetes.objects.unreadable", "{object}", "Objects that came and could not be read, by resource.");
        _informerLag = _meter.CreateUpDownCounter<long>("culvert.kubernetes.informer.lag", "{notification}", "Changes in caches that handlers have not been told yet, by resource.");
        _handlerFailures = _meter.CreateCounter<long>("culvert.kubernetes.informer.handler_failures", "{failure}", "Exceptions of handlers, by resource: bugs.");
        _queueDepth = _meter.CreateUpDownCounter<long>("culvert.kubernetes.queue.depth", "{item}", "Items that wait in work queues; those that wait for their time are not counted.");
        _queueAdds = _meter.CreateCounter<long>("culvert.kubernetes.queue.adds", "{item}", "Items added to work queues; those that were in already are not counted.");
        _queueRetries = _meter.CreateCounter<long>("culvert.kubernetes.queue.retries", "{item}", "Items put back because their work failed.");
        _queueAge = _meter.CreateHistogram<double>("culvert.kubernetes.queue.age", "s", "Time that items waited before somebody took them.");
        _queueWork = _meter.CreateHistogram<double>("culvert.kubernetes.queue.work", "s", "Time from taking an item to being done with it.");
        _leading = _meter.CreateUpDownCounter<long>("culvert.kubernetes.leading", "{lease}", "1 while this process holds the lease, by lease.");
    }

    /// <inheritdoc/>
    public void Dispose() => _meter.Dispose();

    /// <summary>Whether an instrument is one of these.</summary>
    internal bool Has(Instrument instrument) => ReferenceEquals(instrument.Meter, _meter);

    internal void Requested(string verb, string resource, string code, TimeSpan duration)
    {
        _requests.Add(1, new(Verb, verb), new(Resource, resource), new(Code, code));
        _duration.Record(duration.TotalSeconds, new(Verb, verb), new KeyValuePair<string, object?>(Resource, resource));
    }

    internal void LimiterWaited(TimeSpan duration) => _limiterWait.Record(duration.TotalSeconds);

    internal void WatchEnded(string resource, string reason) => _watchEnds.Add(1, new(Resource, resource), new KeyValuePair<string, object?>(Reason, reason));

    internal void WatchEvent(string resource) => _watchEvents.Add(1, new KeyValuePair<string, object?>(Resource, resource));

    internal void ListPage(string resource) => _listPages.Add(1, new KeyValuePair<string, object?>(Resource, resource));

    internal void Unreadable(string resource) => _unreadable.Add(1, new KeyValuePair<string, object?>(Resource, resource));

    internal void InformerLag(string resource, long change) => _informerLag.Add(change, new KeyValuePair<string, object?>(Resource, resource));

    internal void HandlerFailed(string resource) => _handlerFailures.Add(1, new KeyValuePair<string, object?>(Resource, resource));

    internal void QueueDepth(string queue, long change) => _queueDepth.Add(change, new KeyValuePair<string, object?>(Queue, queue));

    internal void QueueAdded(string queue) => _queueAdds.Add(1, new KeyValuePair<string, object?>(Queue, queue));

    internal void QueueRetried(string queue) => _queueRetries.Add(1, new KeyValuePair<string, object?>(Queue, queue));

    internal void QueueTaken(string queue, TimeSpan age) => _queueAge.Record(age.TotalSeconds, new KeyValuePair<string, object?>(Queue, queue));

    internal void QueueDone(string queue, TimeSpan work) => _queueWork.Record(work.TotalSeconds, new KeyValuePair<string, object?>(Queue, queue));

    internal void Leading(string lease, long change) => _leading.Add(change, new KeyValuePair<string, object?>("lease", lease));
}
