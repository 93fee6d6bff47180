using System.Net;

namespace Culvert.Grpc;

/// <summary>The body of a request with many messages: hands its stream to the writer and stays open until that is complete.</summary>
internal sealed class StreamingRequestContent(TaskCompletionSource<Stream> opened, Task completed) : HttpContent
{
    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) =>
        SerializeToStreamAsync(stream, context, CancellationToken.None);

    protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken)
    {
        // The headers go out now, so that a server that speaks first is not kept waiting.
        await stream.FlushAsync(cancellationToken);
        if (!opened.TrySetResult(stream))
        {
            throw new RpcException(new Status(StatusCode.Unavailable, "The server refused the stream after requests were written to it."));
        }

        await completed.WaitAsync(cancellationToken);
    }

    protected override bool TryComputeLength(out long length)
    {
        length = 0;
        return false;
    }
}
