using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Culvert.Grpc;

/// <content>The end of the call.</content>
internal sealed partial class HttpServerCallContext
{
    private const int Http2Cancel = 0x8;

    private static readonly Status ServerStops = new(StatusCode.Unavailable, "The server is shutting down.");

    // Beyond any round trip; a client that is not done by then loses at most the reason.
    private static readonly TimeSpan LongestFarewell = TimeSpan.FromSeconds(1);

    private Task? interruption;
    private Status? interruptedBy;
    private bool ended;
    private bool flushInterrupted;

    /// <summary>Ends the call with what its handler said.</summary>
    internal async Task EndAsync(Status status)
    {
        await writeLock.WaitAsync(CancellationToken.None);
        try
        {
            if (ended)
            {
                return;
            }

            ended = true;
            GrpcServerLog.CallEnded(environment.Logger, Method, status.StatusCode, status.Detail);
            if (flushInterrupted)
            {
                // The client does not read: the status would wait behind the messages, and those in memory.
                Http.Features.Get<IHttpResetFeature>()?.Reset(Http2Cancel);
                return;
            }

            HttpResponse response = Http.Response;
            if (!response.HasStarted && status.StatusCode != StatusCode.OK)
            {
                response.Headers.Remove(GrpcProtocol.EncodingHeader);
                ServerResponse.WriteTrailersOnly(response, status, ResponseTrailers);
            }
            else if (Http.Features.Get<IHttpResponseTrailersFeature>() is { Trailers: { } trailers })
            {
                ServerResponse.Append(trailers, status, ResponseTrailers);
            }

            // The stream ends here for the client, even if the handler goes on or requests are left unread.
            await response.CompleteAsync();
        }
        finally
        {
            writeLock.Release();
        }
    }

    /// <summary>
    /// Where the server's stop has ended the call: waits, for a second at most, until the client has ended its half of the stream. Otherwise that would be reset and the connection be closed, which .NET's
    /// client may see before it reads the status, and then it has none.
    /// </summary>
    internal async Task SeeOffAsync()
    {
        lock (gate)
        {
            if (interruptedBy != ServerStops)
            {
                return;
            }
        }

        using CancellationTokenSource limit = CancellationTokenSource.CreateLinkedTokenSource(Http.RequestAborted);
        limit.CancelAfter(LongestFarewell);
        try
        {
            await interruption!;
            await reader.SkipToEndAsync(limit.Token);
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or InvalidOperationException)
        {
            // Invalid: a read that the handler has begun and left is being cancelled still.
            GrpcServerLog.ClientGone(environment.Logger, Method, e);
        }
    }

    /// <summary>Waits for a write that ends when the client has read enough; only so long. The caller holds <see cref="writeLock"/>.</summary>
    private async Task WaitForClientAsync(Task write)
    {
        if (write.IsCompleted || environment.Options.WriteTimeout is not { } longest)
        {
            await write;
            return;
        }

        writeTimer ??= environment.Time.CreateTimer(
            static state => ((HttpServerCallContext)state!).GiveUpWriting(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        writeTimer.Change(longest, Timeout.InfiniteTimeSpan);
        try
        {
            await write;
        }
        finally
        {
            writeTimer.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        }
    }

    /// <summary>Ends a call whose client does not read.</summary>
    private void GiveUpWriting()
    {
        GrpcServerLog.NotRead(environment.Logger, Method, Peer, environment.Options.WriteTimeout!.Value.TotalSeconds);
        Interrupt(new Status(StatusCode.DeadlineExceeded, "The client has not read what was sent."));
    }

    /// <summary>Ends the call after its handler, or the reading of its request, failed.</summary>
    internal async Task FailAsync(Exception exception)
    {
        if (Http.RequestAborted.IsCancellationRequested)
        {
            GrpcServerLog.ClientGone(environment.Logger, Method, exception);
            return;
        }

        Status status = Explain(exception);
        try
        {
            await EndAsync(status);
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or ObjectDisposedException)
        {
            GrpcServerLog.ClientGone(environment.Logger, Method, e);
        }
    }

    /// <summary>Tells whoever wants to know it that the call ends before a handler hears of it, and how.</summary>
    internal void TellRequestFailed(Exception exception)
    {
        Status? interrupted;
        lock (gate)
        {
            interrupted = interruptedBy;
        }

        environment.Options.RequestFailed?.Invoke(this, exception switch
        {
            OperationCanceledException => interrupted?.StatusCode ?? StatusCode.Cancelled,
            RpcException rpc => rpc.StatusCode,
            _ => StatusCode.Unknown,
        });
    }

    private Status Explain(Exception exception)
    {
        Status? interrupted;
        lock (gate)
        {
            interrupted = interruptedBy;
        }

        switch (exception)
        {
            case OperationCanceledException when interrupted is { } reason:
                return reason;
            case OperationCanceledException when CancellationToken.IsCancellationRequested:
                return Status.DefaultCancelled;
            case RpcException rpc:
                foreach (Metadata.Entry entry in rpc.Trailers)
                {
                    ResponseTrailers.Add(entry);
                }

                return rpc.Status;
            default:
                GrpcServerLog.HandlerFailed(environment.Logger, Method, exception);
                return new Status(
                    StatusCode.Unknown,
                    environment.Options.EnableDetailedErrors == true
                        ? $"Exception was thrown by handler. {exception.GetType().Name}: {exception.Message}"
                        : "Exception was thrown by handler.");
        }
    }

    /// <summary>Ends the call from outside of its handler: the handler is told by its token, the client at once.</summary>
    private void Interrupt(Status reason)
    {
        lock (gate)
        {
            if (interruptedBy is not null)
            {
                return;
            }

            interruptedBy = reason;
            interruption = InterruptAsync(reason);
        }
    }

    private async Task InterruptAsync(Status reason)
    {
        // Off the timer's or the host's thread: cancelling runs the handler's callbacks.
        await Task.Yield();
        await cancellation.CancelAsync();
        try
        {
            await EndAsync(reason);
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or ObjectDisposedException)
        {
            GrpcServerLog.ClientGone(environment.Logger, Method, e);
        }
    }
}
