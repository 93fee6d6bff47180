using System.Buffers;
using System.IO.Pipelines;
using Microsoft.AspNetCore.Http;

namespace Culvert.Grpc;

/// <content>Start of the call, reading and writing of messages.</content>
internal sealed partial class HttpServerCallContext
{
    // Half of what Kestrel holds of a response before writers wait (KestrelServerLimits.MaxResponseBufferSize, 64 KiB).
    private const int PieceSize = 32 * 1024;

    private readonly MessageReader reader;
    private MessageWriter? encoder;
    private DateTime deadline = DateTime.MaxValue;

    /// <summary>Takes deadline and encodings from the headers and prepares those of the response.</summary>
    /// <exception cref="RpcException">A header is not valid.</exception>
    internal void Start()
    {
        IHeaderDictionary request = Http.Request.Headers;
        HttpResponse response = Http.Response;
        response.ContentType = GrpcProtocol.ContentType;
        response.Headers[GrpcProtocol.AcceptEncodingHeader] = GrpcProtocol.AcceptedEncodings;

        string? encoding = request[GrpcProtocol.EncodingHeader];
        if (encoding is not (null or "" or GrpcProtocol.Identity or GrpcProtocol.Gzip))
        {
            throw new RpcException(new Status(StatusCode.Unimplemented, $"Unsupported grpc-encoding value '{encoding}'. Supported: {GrpcProtocol.AcceptedEncodings}"));
        }

        reader.Encoding = encoding is "" ? null : encoding;
        bool gzip = environment.Options.ResponseCompressionAlgorithm == GrpcProtocol.Gzip && AcceptsGzip(request[GrpcProtocol.AcceptEncodingHeader]);
        if (gzip)
        {
            response.Headers[GrpcProtocol.EncodingHeader] = GrpcProtocol.Gzip;
        }

        encoder = new MessageWriter(environment.Options.MaxSendMessageSize, gzip, keepsPieces: true);
        if ((string?)request[GrpcProtocol.TimeoutHeader] is { } timeout)
        {
            StartDeadline(timeout);
        }
    }

    /// <summary>Reads the next request.</summary>
    /// <returns>The request, or null at the end of the requests.</returns>
    /// <exception cref="OperationCanceledException">The call was cancelled, or the client is gone.</exception>
    internal async Task<T?> ReadAsync<T>(Marshaller<T> marshaller, CancellationToken cancellationToken = default)
        where T : class
    {
        CancellationToken.ThrowIfCancellationRequested();
        using CancellationTokenSource? linked = cancellationToken.CanBeCanceled && cancellationToken != CancellationToken
            ? CancellationTokenSource.CreateLinkedTokenSource(CancellationToken, cancellationToken)
            : null;
        try
        {
            return await reader.ReadAsync(marshaller, linked?.Token ?? CancellationToken);
        }
        catch (IOException e)
        {
            throw new OperationCanceledException("The client reset the stream or went away.", e, CancellationToken);
        }
    }

    /// <summary>Ends the call if its request has not come in the time that the options give it; until what is returned is disposed of.</summary>
    internal ITimer? LimitRequest() => environment.Options.RequestTimeout is { } longest
        ? environment.Time.CreateTimer(
            static state => ((HttpServerCallContext)state!).Interrupt(new Status(StatusCode.DeadlineExceeded, "The request has not come in time.")), this, longest, Timeout.InfiniteTimeSpan)
        : null;

    internal async Task WriteAsync<T>(
        T message, Marshaller<T> marshaller, bool flush, WriteOptions? options, CancellationToken cancellationToken = default)
    {
        using CancellationTokenSource? linked = cancellationToken.CanBeCanceled && cancellationToken != CancellationToken
            ? CancellationTokenSource.CreateLinkedTokenSource(CancellationToken, cancellationToken)
            : null;
        CancellationToken cancel = linked?.Token ?? CancellationToken;
        await EnterWriteAsync(cancel);
        try
        {
            ReadOnlyMemory<byte> frame = encoder!.Encode(message, marshaller, options?.Flags ?? WriteFlags.None);
            HttpResponse response = Http.Response;
            if (!response.HasStarted)
            {
                await response.StartAsync(cancel);
            }

            await WriteAsync(frame, cancel);
            foreach (ReadOnlyMemory<byte> piece in encoder.Pieces)
            {
                await WriteAsync(piece, cancel);
            }

            if (flush)
            {
                await FlushAsync(cancel);
            }
        }
        finally
        {
            encoder!.Release();
            writeLock.Release();
        }
    }

    // What is long goes out part by part: the server holds no second copy of it, and each part that the client takes is progress.
    private async ValueTask WriteAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancel)
    {
        PipeWriter body = Http.Response.BodyWriter;
        for (; body.UnflushedBytes + bytes.Length > PieceSize; bytes = bytes[Math.Min(bytes.Length, PieceSize)..])
        {
            body.Write(bytes.Span[..Math.Min(bytes.Length, PieceSize)]);
            await FlushAsync(cancel);
        }

        body.Write(bytes.Span);
    }

    private async ValueTask FlushAsync(CancellationToken cancel)
    {
        flushInterrupted = true;
        ValueTask<FlushResult> flush = Http.Response.BodyWriter.FlushAsync(cancel);
        if (flush.IsCompletedSuccessfully)
        {
            _ = flush.Result;
        }
        else
        {
            await WaitForClientAsync(flush.AsTask());
        }

        cancel.ThrowIfCancellationRequested();
        flushInterrupted = false;
    }

    private static bool AcceptsGzip(string? accepted)
    {
        foreach (Range part in accepted.AsSpan().Split(','))
        {
            if (accepted.AsSpan()[part].Trim() is GrpcProtocol.Gzip)
            {
                return true;
            }
        }

        return false;
    }

    private async ValueTask EnterWriteAsync(CancellationToken cancel)
    {
        cancel.ThrowIfCancellationRequested();
        await writeLock.WaitAsync(cancel);
        if (ended)
        {
            writeLock.Release();
            throw new InvalidOperationException("Can't write the message because the call is complete.");
        }

        if (flushInterrupted)
        {
            writeLock.Release();
            throw new InvalidOperationException("Can't write the message because the one before was given up before all of it was sent.");
        }
    }

    private void StartDeadline(string header)
    {
        if (!TimeoutEncoding.TryDecode(header, out TimeSpan timeout))
        {
            throw new RpcException(new Status(StatusCode.Internal, "The grpc-timeout header is not valid."));
        }

        if (timeout > GrpcProtocol.MaxTimer)
        {
            return;
        }

        deadline = environment.Time.GetUtcNow().UtcDateTime + timeout;
        deadlineTimer = environment.Time.CreateTimer(
            static state => ((HttpServerCallContext)state!).Interrupt(new Status(StatusCode.DeadlineExceeded, "The deadline passed.")),
            this,
            timeout,
            Timeout.InfiniteTimeSpan);
    }
}
