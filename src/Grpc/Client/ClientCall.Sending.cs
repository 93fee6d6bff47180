using System.IO.Pipelines;
using System.Net;
using System.Net.Http.Headers;

namespace Culvert.Grpc;

/// <content>Starting the call and taking the headers of the response.</content>
internal sealed partial class ClientCall<TRequest, TResponse>
{
    private static readonly StreamPipeReaderOptions PipeOptions = new(bufferSize: 16 * 1024, minimumReadSize: 4 * 1024, useZeroByteReads: true);
    private static readonly MediaTypeHeaderValue ContentType = new(GrpcProtocol.ContentType);

    private void Start(TRequest? request)
    {
        if (deadline is { } end)
        {
            TimeSpan left = end - channel.TimeProvider.GetUtcNow().UtcDateTime;
            if (left <= TimeSpan.Zero)
            {
                CancelWith(new Status(StatusCode.DeadlineExceeded, "The deadline had passed before the call began."));
                return;
            }

            if (left <= GrpcProtocol.MaxTimer)
            {
                registrations.Add(channel.TimeProvider.CreateTimer(
                    static state => ((ClientCall<TRequest, TResponse>)state!).CancelWith(
                        new Status(StatusCode.DeadlineExceeded, "The deadline passed.")),
                    this,
                    left,
                    Timeout.InfiniteTimeSpan));
            }
        }

        if (options.CancellationToken.IsCancellationRequested)
        {
            CancelWith(new Status(StatusCode.Cancelled, "The call was cancelled by the caller."));
            return;
        }

        registrations.Add(options.CancellationToken.UnsafeRegister(
            static state => ((ClientCall<TRequest, TResponse>)state!).CancelWith(
                new Status(StatusCode.Cancelled, "The call was cancelled by the caller.")),
            this));
        registrations.Add(channel.Shutdown.UnsafeRegister(
            static state => ((ClientCall<TRequest, TResponse>)state!).CancelWith(
                new Status(StatusCode.Cancelled, "The channel was shut down.")),
            this));
        sendTask = SendAsync(request);
    }

    private async Task SendAsync(TRequest? request)
    {
        try
        {
            using HttpRequestMessage message = CreateRequest(request);
            HttpResponseMessage received = await channel.Invoker.SendAsync(message, cancellation.Token);
            if (Take(received))
            {
                AcceptHeaders(received, await received.Content.ReadAsStreamAsync(CancellationToken.None));
            }
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            Finish(Explain(e), Metadata.Empty);
        }
    }

    private bool Take(HttpResponseMessage received)
    {
        lock (gate)
        {
            if (!isFinished)
            {
                response = received;
                return true;
            }
        }

        received.Dispose();
        return false;
    }

    private void AcceptHeaders(HttpResponseMessage received, Stream body)
    {
        Metadata metadata = ResponseHeaders.ToMetadata(received.Headers);
        if (ResponseHeaders.TryGetStatus(received.Headers, out Status early))
        {
            headers.TrySetResult(metadata);
            Finish(early, metadata);
            return;
        }

        if (received.StatusCode != HttpStatusCode.OK)
        {
            Finish(
                new Status(StatusMapping.FromHttpStatus(received.StatusCode), $"Bad gRPC response: HTTP status {(int)received.StatusCode}."),
                metadata);
            return;
        }

        string? contentType = received.Content.Headers.ContentType?.MediaType;
        if (!GrpcProtocol.IsGrpcContentType(contentType))
        {
            Finish(new Status(StatusCode.Unknown, $"Bad gRPC response: content type '{contentType}'."), metadata);
            return;
        }

        string? encoding = ResponseHeaders.Get(received.Headers, GrpcProtocol.EncodingHeader);
        if (encoding is not (null or GrpcProtocol.Identity or GrpcProtocol.Gzip))
        {
            Finish(new Status(StatusCode.Internal, $"The server compresses with '{encoding}', which was not offered."), metadata);
            return;
        }

        lock (gate)
        {
            if (isFinished)
            {
                return;
            }

            pipe = PipeReader.Create(body, PipeOptions);
            reader = new MessageReader(pipe, channel.MaxReceiveMessageSize) { Encoding = encoding };
        }

        headers.TrySetResult(metadata);
    }

    private HttpRequestMessage CreateRequest(TRequest? request)
    {
        bool gzip = string.Equals(options.Headers?.GetValue(RequestEncodingKey), GrpcProtocol.Gzip, StringComparison.OrdinalIgnoreCase);
        HttpRequestMessage message = new(HttpMethod.Post, new Uri(channel.Address, method.FullName))
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = RequestWriter.CreateContent(request, channel.MaxSendMessageSize, gzip),
        };
        message.Content.Headers.ContentType = ContentType;
        HttpRequestHeaders target = message.Headers;
        target.Host = host;
        target.TryAddWithoutValidation("te", "trailers");
        target.TryAddWithoutValidation(GrpcProtocol.AcceptEncodingHeader, GrpcProtocol.AcceptedEncodings);
        if (gzip)
        {
            target.TryAddWithoutValidation(GrpcProtocol.EncodingHeader, GrpcProtocol.Gzip);
        }

        if (deadline is { } end)
        {
            target.TryAddWithoutValidation(
                GrpcProtocol.TimeoutHeader, TimeoutEncoding.Encode(end - channel.TimeProvider.GetUtcNow().UtcDateTime));
        }

        foreach (Metadata.Entry entry in options.Headers ?? Metadata.Empty)
        {
            if (!MetadataEncoding.IsReserved(entry.Key) && entry.Key != RequestEncodingKey)
            {
                target.TryAddWithoutValidation(entry.Key, MetadataEncoding.EncodeValue(entry));
            }
        }

        if (!target.Contains("user-agent"))
        {
            target.TryAddWithoutValidation("user-agent", GrpcProtocol.UserAgent);
        }

        return message;
    }
}
