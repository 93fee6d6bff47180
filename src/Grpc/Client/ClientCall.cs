using System.IO.Pipelines;

namespace Culvert.Grpc;

/// <summary>
/// One call on the client. It finishes exactly once, with a status that comes from the server's trailers, from cancellation (caller,
/// deadline, disposal) or from a failure of the transport; finishing releases the HTTP/2 stream, by RST_STREAM when it is still open.
/// </summary>
internal sealed partial class ClientCall<TRequest, TResponse> : ICall
    where TRequest : class
    where TResponse : class
{
    private readonly GrpcChannel channel;
    private readonly Method<TRequest, TResponse> method;
    private readonly string? host;
    private readonly CallOptions options;
    private readonly DateTime? deadline;
    private readonly Lock gate = new();
    private readonly CancellationTokenSource cancellation = new();
    private readonly TaskCompletionSource<Metadata> headers = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource<Status> finished = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly List<IDisposable> registrations = new(3);
    private Status? cancelReason;
    private Metadata trailers = Metadata.Empty;
    private HttpResponseMessage? response;
    private PipeReader? pipe;
    private MessageReader? reader;
    private bool reading;
    private bool isFinished;
    private Task sendTask = Task.CompletedTask;

    internal ClientCall(GrpcChannel channel, Method<TRequest, TResponse> method, string? host, CallOptions options)
    {
        ArgumentNullException.ThrowIfNull(method);
        ObjectDisposedException.ThrowIf(channel.Shutdown.IsCancellationRequested, channel);
        this.channel = channel;
        this.method = method;
        this.host = host;
        this.options = options;
        deadline = options.Deadline is { } value && value != DateTime.MaxValue ? value.ToUniversalTime() : null;
        RequestWriter = new ClientStreamWriter<TRequest, TResponse>(this);
    }

    public Task<Metadata> ResponseHeadersAsync => headers.Task;

    internal ClientStreamWriter<TRequest, TResponse> RequestWriter { get; }

    internal Method<TRequest, TResponse> Method => method;

    internal WriteOptions? DefaultWriteOptions => options.WriteOptions;

    internal CancellationToken Cancelled => cancellation.Token;

    internal bool IsFinished => finished.Task.IsCompleted;

    /// <summary>Completes when the call finishes, if something reads its responses in the background; otherwise now.</summary>
    internal Task BackgroundEnd => method.Type is MethodType.Unary or MethodType.ClientStreaming ? finished.Task : Task.CompletedTask;

    public Status GetStatus() => IsFinished
        ? finished.Task.Result
        : throw new InvalidOperationException("The status is known only when the call is finished.");

    public Metadata GetTrailers() => IsFinished
        ? trailers
        : throw new InvalidOperationException("The trailers are known only when the call is finished.");

    public void Dispose() => CancelWith(new Status(StatusCode.Cancelled, "The call was disposed before it was finished."));

    /// <summary>Ends the call from this side.</summary>
    internal void CancelWith(Status reason)
    {
        lock (gate)
        {
            if (isFinished)
            {
                return;
            }

            cancelReason ??= reason;
        }

        cancellation.Cancel();
        Finish(reason, Metadata.Empty);
    }

    internal RpcException ToException() => new(GetStatus(), trailers);

    /// <summary>The status that a failure means for this call.</summary>
    internal Status Explain(Exception exception)
    {
        lock (gate)
        {
            if (cancelReason is { } reason)
            {
                return reason;
            }
        }

        // Nobody has cancelled anything: the transport gave the exchange up when it lost the connection.
        Status status = exception is OperationCanceledException && !cancellation.IsCancellationRequested
            ? new Status(StatusCode.Unavailable, "The connection was lost.", exception)
            : StatusMapping.FromException(exception);
        bool late = deadline is { } end && channel.TimeProvider.GetUtcNow().UtcDateTime >= end;
        return late && status.StatusCode == StatusCode.Cancelled
            ? new Status(StatusCode.DeadlineExceeded, "The deadline passed.", exception)
            : status;
    }

    private void Finish(Status status, Metadata finalTrailers)
    {
        lock (gate)
        {
            if (isFinished)
            {
                return;
            }

            isFinished = true;
            trailers = finalTrailers;
            if (!reading)
            {
                pipe?.Complete();
            }
        }

        foreach (IDisposable registration in registrations)
        {
            registration.Dispose();
        }

        finished.SetResult(status);
        RequestWriter.EndAfter(status);
        if (headers.TrySetException(new RpcException(status, finalTrailers)))
        {
            // Nobody has to await the headers: their fault is the call's fault.
            _ = headers.Task.Exception;
        }

        // Resets the stream unless it has ended both ways.
        response?.Dispose();
    }
}
