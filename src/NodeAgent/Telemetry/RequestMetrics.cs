using Culvert.NodeAgent.Proxy.Model;
using Culvert.NodeAgent.Telemetry.Metrics;
using Culvert.NodeAgent.Telemetry.Requests;

namespace Culvert.NodeAgent.Telemetry;

/// <summary>The metric families of HTTP requests. Thread-safe.</summary>
internal sealed class RequestMetrics
{
    private const int Success = 2, Failure = 5; // among the classes

    /// <summary>The classes of statuses, as labels have them.</summary>
    internal static readonly string[] Classes = ["none", "1xx", "2xx", "3xx", "4xx", "5xx", "other"];

    private readonly SeriesCache<ConnectionLabels.Key, Series> _series;
    private readonly CounterFamily _requests;
    private readonly CounterFamily _errors;
    private readonly HistogramFamily _durations;
    private readonly CounterFamily _cached;

    /// <summary>Registers them.</summary>
    /// <param name="registry">Where.</param>
    internal RequestMetrics(MetricRegistry registry)
    {
        _series = new SeriesCache<ConnectionLabels.Key, Series>(registry, static series => series.TryRemove());
        _requests = registry.Add(new CounterFamily("culvert_http_requests_total", "HTTP requests that are over, by the class of their responses' status, and the status of gRPC.", [.. ConnectionLabels.Names, "code", "grpc_status"]));
        _errors = registry.Add(new CounterFamily("culvert_http_proxy_answers_total", "HTTP requests that the proxy answered in the server's place, by error.", [.. ConnectionLabels.Names, "error"]));
        _cached = registry.Add(new CounterFamily("culvert_http_cache_total", "HTTP requests to ports whose responses are kept, by what these had to do with them.", [.. ConnectionLabels.Names, "result"]));
        _durations = registry.Add(new HistogramFamily("culvert_http_request_duration_seconds", "Duration of HTTP requests, from their heads to the ends of their responses.", ConnectionLabels.Names, HistogramFamily.Seconds));
    }

    /// <summary>The class of a status, as an index of <see cref="Classes"/>.</summary>
    internal static int ClassOf(int status) => Math.Min(status / 100, Classes.Length - 1);

    /// <summary>Whether a request was a call of gRPC that has failed although its response has a status of success.</summary>
    internal static bool IsFailedCall(int statusClass, GrpcStatus status) => statusClass == Success && GrpcStatuses.IsFailure(status);

    /// <summary>Numbers of requests by class, of which so many calls of gRPC with a status of success have failed: people are told of these among the failures.</summary>
    internal static long[] WithFailedCalls(long[] byClass, long failed)
    {
        byClass[Success] -= failed;
        byClass[Failure] += failed;
        return byClass;
    }

    /// <summary>Counts requests between two ends.</summary>
    /// <param name="record">A connection between them.</param>
    /// <param name="reporter"><c>source</c> or <c>destination</c>.</param>
    internal Series Of(FlowRecord record, string reporter)
    {
        ConnectionLabels.Key key = ConnectionLabels.KeyOf(record, reporter);
        if (_series.Find(key) is { } known) return known;
        Series series = new(this, key, ConnectionLabels.Of(record, reporter));
        _series.Keep(key, series);
        return series;
    }

    /// <summary>What is counted now.</summary>
    internal IEnumerable<RequestCounts> All() => _series.Values.Select(s => s.Counts());

    /// <summary>Counts the requests between two ends.</summary>
    internal sealed class Series(RequestMetrics metrics, ConnectionLabels.Key key, string[] labels)
    {
        // Of requests that are no calls of gRPC, by class; of calls, whose statuses are a label and no family of their own, so that sums by code stay sums of all: they cost no series where there is no gRPC, and of calls to a method most end with one or two.
        private readonly Counter?[] _byClass = new Counter?[Classes.Length];
        private Counter?[]? _byGrpcStatus;
        private Counter?[]? _byCacheResult;
        private readonly Histogram _duration = metrics._durations.With(labels);
        private volatile bool _isRemoved;

        /// <summary>What is counted now.</summary>
        internal RequestCounts Counts()
        {
            long[] byClass = Array.ConvertAll(_byClass, c => c?.Value ?? 0);
            Counter?[] calls = Volatile.Read(ref _byGrpcStatus) ?? [];
            long failed = 0;
            for (int i = 0; i < calls.Length; i++)
            {
                (int statusClass, long count) = (i / GrpcStatuses.Count, calls[i]?.Value ?? 0);
                byClass[statusClass] += count;
                if (IsFailedCall(statusClass, GrpcStatuses.At(i % GrpcStatuses.Count))) failed += count;
            }

            return new RequestCounts(labels, WithFailedCalls(byClass, failed), _duration.Counts());
        }

        /// <summary>Whether what it has counted was removed. If so, the next request has it kept again: a connection that was idle for long still has it.</summary>
        internal bool TryRemove() => _isRemoved = _duration.IsRemoved;

        /// <summary>A request is over.</summary>
        /// <param name="end">How it has ended.</param>
        /// <param name="record">What was noted of it; null: nothing.</param>
        internal void OnRequestEnded(in RequestEnd end, IRequestRecord? record)
        {
            int statusClass = ClassOf(end.Status);
            ref Counter? requests = ref end.Grpc == GrpcStatus.NoCall ? ref _byClass[statusClass] : ref OfCalls(statusClass, end.Grpc);
            (requests ??= metrics._requests.With([.. labels, Classes[statusClass], GrpcStatuses.LabelOf(end.Grpc)])).Increment();
            if (end.Error is not null) metrics._errors.With([.. labels, end.Error]).Increment();
            if (end.Cache != CacheResult.None) OfCache(end.Cache).Increment();
            if (record is RequestRecord { IsSampled: true } noted) _duration.Observe(end.Duration.TotalSeconds, noted.Trace.High, noted.Trace.Low, noted.Tries[^1].Span, noted.Started + end.Duration);
            else _duration.Observe(end.Duration.TotalSeconds);
            if (!_isRemoved) return;
            _isRemoved = false;
            metrics._series.Keep(key, this);
        }

        private Counter OfCache(CacheResult result) => (_byCacheResult ??= new Counter?[CacheResults.Count])[(int)result] ??= metrics._cached.With([.. labels, CacheResults.LabelOf(result)!]);

        // Where several make the table at once all but one count by the family's own table once more.
        private ref Counter? OfCalls(int statusClass, GrpcStatus status) => ref (_byGrpcStatus ??= new Counter?[Classes.Length * GrpcStatuses.Count])[(statusClass * GrpcStatuses.Count) + GrpcStatuses.IndexOf(status)];
    }
}
