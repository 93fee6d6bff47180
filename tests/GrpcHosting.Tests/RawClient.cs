using System.Buffers.Binary;
using System.Net;

namespace Culvert.GrpcHosting.Tests;

/// <summary>Sends bytes of the test's choice to a gRPC method over HTTP/2.</summary>
internal sealed class RawClient(Uri address) : IDisposable
{
    private readonly HttpMessageInvoker invoker = new(GrpcSocketsHandler.Create());

    internal static byte[] Frame(byte[] payload, byte flag = 0)
    {
        byte[] frame = new byte[payload.Length + 5];
        BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(1), payload.Length);
        frame[0] = flag;
        payload.CopyTo(frame, 5);
        return frame;
    }

    /// <summary>The status, wherever it was sent; the body must have been read.</summary>
    internal static string? Status(HttpResponseMessage response) => Header(response, "grpc-status");

    internal static string? Header(HttpResponseMessage response, string name) =>
        response.Headers.TryGetValues(name, out IEnumerable<string>? early) ? early.Single()
        : response.TrailingHeaders.TryGetValues(name, out IEnumerable<string>? late) ? late.Single()
        : null;

    internal Task<HttpResponseMessage> PostAsync(string path, byte[] body, params (string Key, string Value)[] headers) =>
        SendAsync(HttpMethod.Post, path, body, "application/grpc", headers);

    internal async Task<HttpResponseMessage> SendAsync(
        HttpMethod method, string path, byte[] body, string contentType, params (string Key, string Value)[] headers)
    {
        using HttpRequestMessage request = new(method, new Uri(address, path))
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = new ByteArrayContent(body),
        };
        request.Content.Headers.TryAddWithoutValidation("content-type", contentType);
        foreach ((string key, string value) in headers)
        {
            request.Headers.TryAddWithoutValidation(key, value);
        }

        return await invoker.SendAsync(request, CancellationToken.None);
    }

    public void Dispose() => invoker.Dispose();
}
