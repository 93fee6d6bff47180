namespace Culvert.Grpc;

/// <summary>The stream of requests of a call.</summary>
internal sealed class ClientStreamWriter<TRequest, TResponse>(ClientCall<TRequest, TResponse> call) : IClientStreamWriter<TRequest>
    where TRequest : class
    where TResponse : class
{
    private readonly TaskCompletionSource<Stream> opened = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource completed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private MessageWriter? encoder;
    private int state;

    private enum State
    {
        Idle,
        Writing,
        Complete,
    }

    public WriteOptions? WriteOptions { get; set; } = call.DefaultWriteOptions;

    public Task WriteAsync(TRequest message) => WriteAsync(message, CancellationToken.None);

    public async Task WriteAsync(TRequest message, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(message);
        Enter(State.Writing);
        try
        {
            await using CancellationTokenRegistration registration = cancellationToken.UnsafeRegister(
                static target => ((ClientCall<TRequest, TResponse>)target!).CancelWith(
                    new Status(StatusCode.Cancelled, "The call was cancelled by its writer.")),
                call);
            Stream stream = await opened.Task;

            // Whoever awaits the call hears of its end first, and the stream takes what is written until it is closed, a moment later.
            if (call.IsFinished)
            {
                throw call.ToException();
            }

            WriteFlags flags = WriteOptions?.Flags ?? WriteFlags.None;
            ReadOnlyMemory<byte> frame = encoder!.Encode(message, call.Method.RequestMarshaller, flags);
            await stream.WriteAsync(frame, call.Cancelled);
            if (!flags.HasFlag(WriteFlags.BufferHint))
            {
                await stream.FlushAsync(call.Cancelled);
            }
        }
        catch (Exception e) when (e is IOException or HttpRequestException or OperationCanceledException or ObjectDisposedException)
        {
            await call.BackgroundEnd;
            throw call.IsFinished ? call.ToException() : new RpcException(call.Explain(e));
        }
        finally
        {
            encoder?.Release();
            Interlocked.CompareExchange(ref state, (int)State.Idle, (int)State.Writing);
        }
    }

    public Task CompleteAsync()
    {
        Enter(State.Complete);
        completed.TrySetResult();
        return Task.CompletedTask;
    }

    /// <summary>The body of the request: one message that is known, or the messages written from now on.</summary>
    internal HttpContent CreateContent(TRequest? request, int? maxSize, bool gzip)
    {
        if (request is not null)
        {
            return new SingleRequestContent<TRequest>(
                request, call.Method.RequestMarshaller, WriteOptions?.Flags ?? WriteFlags.None, maxSize, gzip);
        }

        encoder = new MessageWriter(maxSize, gzip);
        return new StreamingRequestContent(opened, completed.Task);
    }

    /// <summary>The call is finished: no more is written.</summary>
    internal void EndAfter(Status status)
    {
        if (status.StatusCode == StatusCode.OK)
        {
            completed.TrySetResult();
        }
        else
        {
            completed.TrySetCanceled(CancellationToken.None);
        }

        if (opened.TrySetException(new RpcException(status)))
        {
            // Nobody has to write: the fault is the call's fault.
            _ = opened.Task.Exception;
        }
    }

    private void Enter(State next)
    {
        switch ((State)Interlocked.CompareExchange(ref state, (int)next, (int)State.Idle))
        {
            case State.Writing:
                throw new InvalidOperationException("A write is in progress: await it first.");
            case State.Complete:
                throw new InvalidOperationException("The request stream is complete.");
        }
    }
}
