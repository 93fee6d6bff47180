namespace Culvert.Grpc;

/// <content>Reading the responses.</content>
internal sealed partial class ClientCall<TRequest, TResponse>
{
    /// <summary>Metadata key that asks for compressed requests, as in the usual .NET client; not sent.</summary>
    private const string RequestEncodingKey = "grpc-internal-encoding-request";

    internal Task<TResponse> StartSingleResponse(TRequest? request)
    {
        Start(request);
        return ReadSingleAsync();
    }

    internal ClientStreamReader<TRequest, TResponse> StartResponseStream(TRequest? request)
    {
        Start(request);
        return new ClientStreamReader<TRequest, TResponse>(this);
    }

    /// <summary>Reads the next message.</summary>
    /// <returns>The message, or null at the end of a call that succeeded.</returns>
    /// <exception cref="RpcException">The call failed.</exception>
    internal async Task<TResponse?> ReadAsync()
    {
        await sendTask;
        if (!BeginRead())
        {
            Status status = await finished.Task;
            return status.StatusCode == StatusCode.OK ? null : throw ToException();
        }

        TResponse? message = null;
        try
        {
            message = await reader!.ReadAsync(method.ResponseMarshaller, cancellation.Token);
            if (message is null)
            {
                FinishFromTrailers();
            }
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            Finish(Explain(e), Metadata.Empty);
        }
        finally
        {
            EndRead();
        }

        if (message is not null)
        {
            return message;
        }

        Status end = await finished.Task;
        return end.StatusCode == StatusCode.OK ? null : throw ToException();
    }

    private async Task<TResponse> ReadSingleAsync()
    {
        TResponse message = await ReadAsync()
            ?? throw new RpcException(new Status(StatusCode.Internal, "The call succeeded without a response message."), trailers);
        if (await ReadAsync() is not null)
        {
            CancelWith(new Status(StatusCode.Internal, "More than one response message for a call that has one."));
            throw ToException();
        }

        return message;
    }

    private bool BeginRead()
    {
        lock (gate)
        {
            if (isFinished)
            {
                return false;
            }

            if (reading)
            {
                throw new InvalidOperationException("Can't read the next message: another read is in progress.");
            }

            reading = true;
            return true;
        }
    }

    private void EndRead()
    {
        lock (gate)
        {
            reading = false;
            if (isFinished)
            {
                pipe!.Complete();
            }
        }
    }

    private void FinishFromTrailers()
    {
        HttpResponseMessage received = response!;
        Metadata metadata = ResponseHeaders.ToMetadata(received.TrailingHeaders);
        Finish(
            ResponseHeaders.TryGetStatus(received.TrailingHeaders, out Status status)
                ? status
                : new Status(StatusCode.Unknown, "The server ended the call without grpc-status."),
            metadata);
    }
}
