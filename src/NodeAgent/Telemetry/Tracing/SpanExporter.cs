using System.Net;
using System.Net.Http.Headers;
using System.Threading.Channels;
using Culvert.Core;
using Culvert.GrpcHosting;
using Culvert.NodeAgent.Telemetry.Metrics;
using Culvert.NodeAgent.Telemetry.Requests;
using Culvert.Protocol;
using Culvert.Protocol.OpenTelemetry;
using Google.Protobuf;
using Grpc.Core;
using Grpc.Net.Client;
using Microsoft.Extensions.Logging;
using StatusCode = Grpc.Core.StatusCode;

namespace Culvert.NodeAgent.Telemetry.Tracing;

/// <summary>
/// Sends spans to a collector by OTLP, many at once. Those that wait are bounded: while the collector is away, or slow, what comes beyond is lost, and counted. One thread adds, another sends.
/// </summary>
internal sealed class SpanExporter : IDisposable
{
    /// <summary>Most spans that wait.</summary>
    internal const int MostWaiting = 4096;

    private const int MostAtOnce = 512;
    private const long MostOfAnswer = 64 << 10;
    private static readonly TimeSpan Gathering = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10); // as exporters of OpenTelemetry have it
    private static readonly TimeSpan ConnectionLifetime = TimeSpan.FromMinutes(5); // the name of the collector may lead elsewhere by then
    private static readonly TimeSpan LastPatience = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(30);

    private readonly Channel<(SpanResource Resource, Span Span)> _waiting = Channel.CreateBounded<(SpanResource, Span)>(new BoundedChannelOptions(MostWaiting) { SingleReader = true, FullMode = BoundedChannelFullMode.Wait });
    private readonly List<(SpanResource Resource, Span Span)> _batch = [];
    private readonly SocketsHttpHandler _connections; // to a collector of HTTP
    private readonly HttpClient _client;
    private (Uri Endpoint, GrpcChannel Channel)? _channel; // to a collector of gRPC
    private readonly string _node;
    private readonly string _version;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly Counter _sent;
    private readonly Counter _overflowed;
    private readonly Counter _refused;
    private readonly Counter _unsent;
    private volatile Uri? _endpoint;
    private bool _hasFailed;

    /// <param name="node">The node's name.</param>
    /// <param name="version">The agent's version.</param>
    /// <param name="metrics">Where spans are counted.</param>
    /// <param name="time">The clock.</param>
    /// <param name="logger">Where it is said that the collector can't be reached.</param>
    internal SpanExporter(string node, string version, MetricRegistry metrics, TimeProvider time, ILogger logger)
    {
        (_node, _version, _time, _logger) = (node, version, time, logger);
        _connections = new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            UseProxy = false,
            UseCookies = false,
            ConnectTimeout = Patience,
            PooledConnectionLifetime = ConnectionLifetime,
            ActivityHeadersPropagator = null,
        };
        _client = new HttpClient(_connections, disposeHandler: false)
        {
            Timeout = Timeout.InfiniteTimeSpan,
            MaxResponseContentBufferSize = MostOfAnswer,
        };
        CounterFamily spans = metrics.Add(new CounterFamily("culvert_trace_spans_total", "Spans of HTTP requests, by what has become of them.", ["result"]));
        (_sent, _overflowed, _refused, _unsent) = (spans.With("sent"), spans.With("queue-full"), spans.With("refused"), spans.With("not-sent"));
    }

    private enum Outcome
    {
        Sent,
        Refused,
        Failed, // and may be tried again
    }

    /// <summary>Takes what the mesh's settings say; what waits goes where they say last.</summary>
    internal void Use(TracingSettings tracing)
    {
        Uri? endpoint = null;
        if (tracing.Mode == TracingMode.Enabled && tracing.Endpoint.Length > 0) _ = OtlpEndpoint.Parse(tracing.Endpoint, out endpoint);
        _endpoint = endpoint;
    }

    /// <summary>Adds the spans of a request that is over, one for each time that it was sent to a server.</summary>
    internal void Add(RequestRecord record)
    {
        if (_endpoint is null) return;
        if (_waiting.Reader.Count >= MostWaiting)
        {
            CountLost(record.Tries.Length); // without making them: who asks for many must not hold up the log
            return;
        }

        SpanResource resource = SpanBuilder.ResourceOf(record);
        for (int i = 0; i < record.Tries.Length; i++)
        {
            if (!_waiting.Writer.TryWrite((resource, SpanBuilder.Of(record, i)))) CountLost(1);
        }
    }

    /// <summary>Counts spans for which there was no room.</summary>
    internal void CountLost(int count) => _overflowed.Add(count);

    /// <summary>Sends until it is stopped; then, once, what waits.</summary>
    internal async Task RunAsync(CancellationToken stop)
    {
        try
        {
            while (await _waiting.Reader.WaitToReadAsync(stop))
            {
                if (_waiting.Reader.Count < MostAtOnce) await Task.Delay(Gathering, _time, stop);
                TakeBatch();
                await SendBatchAsync(stop);
            }
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            if (_batch.Count == 0) TakeBatch();
            if (_batch.Count > 0) Count(await SendAsync(LastPatience, CancellationToken.None), isLast: true);
            throw;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _channel?.Channel.Dispose();
        _client.Dispose();
        _connections.Dispose();
    }

    private void TakeBatch()
    {
        while (_batch.Count < MostAtOnce && _waiting.Reader.TryRead(out (SpanResource, Span) one)) _batch.Add(one);
    }

    // Tried again until it is taken, or refused: meanwhile others wait, as far as there is room.
    private async Task SendBatchAsync(CancellationToken stop)
    {
        for (TimeSpan pause = TimeSpan.FromSeconds(1); ; pause = pause * 2 < LongestPause ? pause * 2 : LongestPause)
        {
            Outcome outcome = await SendAsync(Patience, stop);
            Count(outcome, isLast: _endpoint is null);
            if (_batch.Count == 0) return;
            await Task.Delay(pause, _time, stop);
        }
    }

    private void Count(Outcome outcome, bool isLast)
    {
        if (outcome == Outcome.Failed && !isLast) return;
        (outcome switch { Outcome.Sent => _sent, Outcome.Refused => _refused, _ => _unsent }).Add(_batch.Count);
        _batch.Clear();
    }

    private async Task<Outcome> SendAsync(TimeSpan patience, CancellationToken stop)
    {
        if (_endpoint is not { } endpoint) return Outcome.Failed;
        using CancellationTokenSource late = new(patience, _time);
        using CancellationTokenSource either = CancellationTokenSource.CreateLinkedTokenSource(stop, late.Token);
        try
        {
            return OtlpEndpoint.IsGrpc(endpoint) ? await SendByGrpcAsync(endpoint, either.Token) : await SendByHttpAsync(endpoint, either.Token);
        }
        catch (Exception e) when (e is not OutOfMemoryException && !(e is OperationCanceledException && stop.IsCancellationRequested))
        {
            Fail(endpoint, e is OperationCanceledException ? $"no answer within {patience.TotalSeconds:0} s" : e.Message); // whatever it is, it must not end the agent
            return Outcome.Failed;
        }
    }

    private async Task<Outcome> SendByHttpAsync(Uri endpoint, CancellationToken stop)
    {
        using ByteArrayContent body = new(Compose().ToByteArray());
        body.Headers.ContentType = new MediaTypeHeaderValue("application/x-protobuf");
        using HttpRequestMessage request = new(HttpMethod.Post, endpoint) { Content = body };
        request.Headers.UserAgent.Add(new ProductInfoHeaderValue("culvert-agent", _version));
        using HttpResponseMessage response = await _client.SendAsync(request, stop);
        if (response.IsSuccessStatusCode) return Taken(endpoint);
        Fail(endpoint, $"it answers {(int)response.StatusCode}");

        // OTLP, "OTLP/HTTP response": which failures may be tried again.
        return response.StatusCode is HttpStatusCode.TooManyRequests or HttpStatusCode.BadGateway or HttpStatusCode.ServiceUnavailable or HttpStatusCode.GatewayTimeout ? Outcome.Failed : Outcome.Refused;
    }

    private async Task<Outcome> SendByGrpcAsync(Uri endpoint, CancellationToken stop)
    {
        try
        {
            using AsyncUnaryCall<ExportTraceServiceResponse> call = new TraceService.TraceServiceClient(ChannelTo(endpoint)).ExportAsync(Compose(), cancellationToken: stop);
            await call.ResponseAsync;
            return Taken(endpoint);
        }
        catch (RpcException e) when (!stop.IsCancellationRequested)
        {
            Fail(endpoint, $"it answers {CallFailure.Describe(e)}");

            // OTLP, "OTLP/gRPC response": the same there. Exhausted resources may be had again only where the answer says when, which is not read.
            return CallFailure.CodeOf(e) is StatusCode.Cancelled or StatusCode.DeadlineExceeded or StatusCode.Aborted or StatusCode.OutOfRange or StatusCode.Unavailable or StatusCode.DataLoss ? Outcome.Failed : Outcome.Refused;
        }
    }

    private GrpcChannel ChannelTo(Uri endpoint)
    {
        if (_channel is { } known && known.Endpoint == endpoint) return known.Channel;
        _channel?.Channel.Dispose();
        SocketsHttpHandler connections = GrpcSocketsHandler.Create();
        (connections.ConnectTimeout, connections.PooledConnectionLifetime) = (Patience, ConnectionLifetime);
        string address = $"{(endpoint.Scheme == "grpcs" ? "https" : "http")}://{endpoint.Authority}";
        GrpcChannel channel = GrpcChannel.ForAddress(address, new() { HttpHandler = connections, DisposeHttpClient = true });
        _channel = (endpoint, channel);
        return channel;
    }

    // What a collector takes in part only is its own matter, and its metrics say so.
    private Outcome Taken(Uri endpoint)
    {
        if (_hasFailed) TraceLog.Reached(_logger, endpoint);
        _hasFailed = false;
        return Outcome.Sent;
    }

    private void Fail(Uri endpoint, string reason)
    {
        if (!_hasFailed) TraceLog.NotReached(_logger, endpoint, reason);
        _hasFailed = true;
    }

    private ExportTraceServiceRequest Compose()
    {
        ExportTraceServiceRequest request = new();
        foreach (IGrouping<SpanResource, Span> spans in _batch.GroupBy(s => s.Resource, s => s.Span))
        {
            ScopeSpans scope = new() { Scope = new InstrumentationScope { Name = "culvert", Version = _version } };
            scope.Spans.Add(spans);
            ResourceSpans resource = new() { Resource = spans.Key.ToWire(_node) };
            resource.ScopeSpans.Add(scope);
            request.ResourceSpans.Add(resource);
        }

        return request;
    }
}
