using Grpc.AspNetCore.Server;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Logging;

namespace Culvert.GrpcHosting;

/// <summary>
/// A call on the server, around what Grpc.AspNetCore.Server does with it: admission, time and size limits, and the end of streams when
/// the server stops. The package writes the status;
/// this class supplies it as an exception, from the request's pipe while the request is being read, and from <see
/// cref="LimitedCallInterceptor"/> afterwards.
/// </summary>
internal sealed class LimitedCall : IAsyncDisposable
{
    private const int Http2Cancel = 0x8;

    private static readonly Status ServerStops = new(StatusCode.Unavailable, "The server is shutting down.");
    private static readonly Status RequestLate = new(StatusCode.DeadlineExceeded, "The request did not arrive in time.");
    private static readonly Status ClientGone = new(StatusCode.Cancelled, "The client reset the stream or disconnected.");

    // Longer than any round trip. A client that takes longer loses the reason at most.
    private static readonly TimeSpan MaxDrainTime = TimeSpan.FromSeconds(1);

    private readonly HttpContext _http;
    private readonly LimitedCallEnvironment _environment;
    private readonly CancellationTokenSource _cancellation;
    private readonly CancellationTokenRegistration _stopping;
    private readonly LimitedRequest _request;
    private readonly LimitedResponse _response;
    private readonly bool _hasSingleRequest;
    private readonly Lock _lock = new();
    private ITimer? _requestTimer;
    private Task _cancelling = Task.CompletedTask;
    private RpcException? _refusal;
    private Status? _interruptedBy;
    private bool _isStopped;
    private bool _isHandled;

    private LimitedCall(HttpContext http, MethodType type, LimitedCallEnvironment environment)
    {
        (_http, _environment) = (http, environment);
        _hasSingleRequest = type is MethodType.Unary or MethodType.ServerStreaming;
        _cancellation = CancellationTokenSource.CreateLinkedTokenSource(http.RequestAborted);
        Interrupted = _cancellation.Token;
        _request = new(this, http.Request.BodyReader);
        IHttpResponseBodyFeature response = http.Features.GetRequiredFeature<IHttpResponseBodyFeature>();
        _response = new(this, response, environment.Time, environment.Limits.WriteTimeout);
        if (type == MethodType.Unary) return;
        _stopping = environment.Stopping.UnsafeRegister(static state => ((LimitedCall)state!).Interrupt(ServerStops, isStop: true), this);
    }

    /// <summary>Cancelled when the client has gone or the server has ended the call early.</summary>
    internal CancellationToken Interrupted { get; }

    internal ILogger Logger => _environment.Logger;

    /// <summary>Whether the handler has returned, without an exception.</summary>
    internal bool HasReturned { get; set; }

    /// <summary>Runs a call.</summary>
    /// <param name="http">Its request.</param>
    /// <param name="type">Of its method.</param>
    /// <param name="environment">Of the server.</param>
    /// <param name="next">The package's part.</param>
    internal static async Task RunAsync(HttpContext http, MethodType type, LimitedCallEnvironment environment, RequestDelegate next)
    {
        bool isStream = type != MethodType.Unary;
        if (isStream) environment.Streams.Begin();
        try
        {
            await using LimitedCall call = new(http, type, environment);
            await call.RunAsync(next);
        }
        finally
        {
            if (isStream) environment.Streams.End();
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stopping.DisposeAsync();
        if (_requestTimer is not null) await _requestTimer.DisposeAsync();
        await _response.DisposeAsync();
        await _cancelling;
        _cancellation.Dispose();
    }

    /// <summary>Notes that the package has the request and runs the handler.</summary>
    /// <exception cref="RpcException">The call was refused, or was interrupted before.</exception>
    internal void BeginHandler()
    {
        _requestTimer?.Dispose();
        if (_refusal is not null) throw _refusal;
        lock (_lock)
        {
            if (_interruptedBy is { } reason) throw new RpcException(reason);
            _isHandled = true;
        }
    }

    /// <summary>The status of a call that did not end as its handler decided; null if it did.</summary>
    /// <param name="failure">What the handler threw; null if it returned.</param>
    /// <param name="isCancelled">Whether the token of the call is cancelled: the client has gone, or the deadline has passed.</param>
    internal Status? ExplainEnd(Exception? failure, bool isCancelled)
    {
        lock (_lock)
        {
            if (failure is RpcException) return null;
            if (failure is not null) return _interruptedBy ?? (isCancelled ? ClientGone : null);

            // A handler may notice its token and return: for the client the stream is still cut off.
            return _isStopped ? _interruptedBy : null;
        }
    }

    /// <summary>Sets what cancels the writes that follow, beside the end of the call.</summary>
    internal void CancelWritesBy(CancellationToken cancellationToken) => _response.WriteCancellation = cancellationToken;

    /// <summary>Throws the call's refusal, before any of its request is read.</summary>
    internal void ThrowIfRefused()
    {
        if (_refusal is not null) throw _refusal;
    }

    /// <summary>What a reader of the request throws for a failure of the transport or an interruption.</summary>
    internal Exception ExplainRead(Exception failure)
    {
        if (failure is BadHttpRequestException { StatusCode: StatusCodes.Status413PayloadTooLarge })
        {
            string text = $"The request is longer than {_http.Features.Get<IHttpMaxRequestBodySizeFeature>()?.MaxRequestBodySize} bytes.";
            return new RpcException(new Status(StatusCode.ResourceExhausted, text));
        }
        if (failure is not OperationCanceledException || _http.RequestAborted.IsCancellationRequested) Interrupt(ClientGone);
        lock (_lock)
        {
            // Before the handler runs, nobody else turns the interruption into a status.
            return _isHandled || _interruptedBy is not { } reason
                ? new OperationCanceledException($"The call was interrupted: {_interruptedBy?.Detail}", failure, Interrupted)
                : new RpcException(reason);
        }
    }

    /// <summary>Ends a call whose client does not read.</summary>
    internal void GiveUpWriting()
    {
        string peer = _http.Connection.RemoteIpAddress is { } address ? $"{address}:{_http.Connection.RemotePort}" : "a Unix socket";
        GrpcServerLog.NotRead(_environment.Logger, _http.Request.Path, peer, _environment.Limits.WriteTimeout!.Value.TotalSeconds);
        Interrupt(new Status(StatusCode.DeadlineExceeded, "The client has not read what was sent."));
    }

    /// <summary>Resets the stream: the server drops what waits to be sent. A status would wait behind it.</summary>
    internal void Reset() => _http.Features.Get<IHttpResetFeature>()?.Reset(Http2Cancel);

    private async Task RunAsync(RequestDelegate next)
    {
        IRequestBodyPipeFeature? request = _http.Features.Get<IRequestBodyPipeFeature>();
        IHttpResponseBodyFeature response = _http.Features.GetRequiredFeature<IHttpResponseBodyFeature>();
        CancellationToken aborted = _http.RequestAborted;
        _http.Features.Set<IRequestBodyPipeFeature>(_request);
        _http.Features.Set<IHttpResponseBodyFeature>(_response);
        _http.Features.Set(this);
        _http.RequestAborted = Interrupted;
        try
        {
            LimitBody();
            using IDisposable? admission = Admit();
            if (_hasSingleRequest && _refusal is null) StartRequestTimer();
            await next(_http);
            ReportRequestFailure();
            ReportResponseFailure();
            await _response.DrainAsync();
            await DrainRequestAsync();
        }
        finally
        {
            _http.RequestAborted = aborted;
            _http.Features.Set<LimitedCall>(null);
            _http.Features.Set(response);
            _http.Features.Set(request);
        }
    }

    private void LimitBody()
    {
        // A stream may be silent for long.
        if (_http.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } size)
            size.MaxRequestBodySize = _hasSingleRequest ? _environment.Limits.MaxRequestBodySize : null;
    }

    private IDisposable? Admit()
    {
        try
        {
            return _environment.Limits.Admit?.Invoke(_http);
        }
        catch (RpcException e)
        {
            _refusal = e;
            return null;
        }
    }

    private void StartRequestTimer()
    {
        if (_environment.Limits.RequestTimeout is not { } longest) return;
        _requestTimer = _environment.Time.CreateTimer(
            static state => ((LimitedCall)state!).OnRequestLate(), this, longest, Timeout.InfiniteTimeSpan);
    }

    private void OnRequestLate()
    {
        lock (_lock)
        {
            // The timer had fired already when the handler began.
            if (!_isHandled) Interrupt(RequestLate);
        }
    }

    // A response that cannot be serialized fails after the handler, in a part of the package whose log is off.
    private void ReportResponseFailure()
    {
        if (!HasReturned || _http.Features.Get<IServerCallContextFeature>()?.ServerCallContext is not { } call) return;
        if (call.Status.StatusCode is not (StatusCode.Unknown or StatusCode.Internal)) return;
        GrpcServerLog.HandlerFailed(_environment.Logger, call.Method, call.Status.DebugException ?? new InvalidOperationException(call.Status.Detail));
    }

    private void ReportRequestFailure()
    {
        if (!_hasSingleRequest || _isHandled || _refusal is not null || _environment.Limits.RequestFailed is not { } report) return;

        // Requests that are not gRPC have no such call.
        if (_http.Features.Get<IServerCallContextFeature>()?.ServerCallContext is { } call) report(_http, call.Status.StatusCode);
    }

    /// <summary>
    /// When the server's stop has ended the call: waits until the client has ended its half of the stream, a second at most. Without
    /// the wait, the server would reset that half and close the connection.
    /// .NET's client may see that before it reads the status, and then reports another one.
    /// </summary>
    private async Task DrainRequestAsync()
    {
        lock (_lock)
        {
            if (!_isStopped) return;
        }
        using CancellationTokenSource limit = new(MaxDrainTime, _environment.Time);
        try
        {
            await _http.Response.CompleteAsync();
            await _request.SkipToEndAsync(limit.Token);
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or InvalidOperationException)
        {
            // The client has gone, or takes too long. Invalid: the handler has left a read that has not ended yet.
        }
    }

    private void Interrupt(Status reason, bool isStop = false)
    {
        lock (_lock)
        {
            if (_interruptedBy is not null) return;
            (_interruptedBy, _isStopped) = (reason, isStop);

            // Asynchronously: this is the thread of a timer or of the host, and callbacks of handlers run.
            _cancelling = _cancellation.CancelAsync();
        }
    }
}
