using System.Net;

namespace Culvert.Grpc;

/// <summary>The body of a request with one message. It may be sent again when the server refused the stream unprocessed.</summary>
internal sealed class SingleRequestContent<T>(T message, Marshaller<T> marshaller, WriteFlags flags, int? maxSize, bool gzip) : HttpContent
{
    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) =>
        SerializeToStreamAsync(stream, context, CancellationToken.None);

    protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken)
    {
        MessageWriter encoder = new(maxSize, gzip);
        try
        {
            await stream.WriteAsync(encoder.Encode(message, marshaller, flags), cancellationToken);
        }
        finally
        {
            encoder.Release();
        }
    }

    protected override bool TryComputeLength(out long length)
    {
        length = 0;
        return false;
    }
}
