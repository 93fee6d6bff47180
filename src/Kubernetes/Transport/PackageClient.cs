using System.Collections.ObjectModel;
using System.Net;
using System.Text;
using System.Text.Json;
using Culvert.Kubernetes.Resources;
using k8s;
using k8s.Autorest;
using k8s.Models;

namespace Culvert.Kubernetes.Transport;

/// <summary>
/// The package's client. It makes paths, queries and headers, adds credentials, and sends requests.
/// It does not read answers: the package has no limit for their size, and fails a whole list for one object.
/// It does not write bodies either: the package's serializer refers to each model of the API, which makes a native program 15 MB larger.
/// </summary>
/// <param name="configuration">The server, the credentials and the connections.</param>
/// <param name="headers">Headers that each request carries, or null.</param>
internal sealed class PackageClient(KubernetesClientConfiguration configuration, IReadOnlyDictionary<string, IReadOnlyList<string>>? headers)
    : k8s.Kubernetes(configuration, new ErrorBound())
{
    private static readonly ReadOnlyDictionary<string, IReadOnlyList<string>> NoHeaders = ReadOnlyDictionary<string, IReadOnlyList<string>>.Empty;

    protected override Task<HttpOperationResponse<T>> CreateResultAsync<T>(
        HttpRequestMessage httpRequest, HttpResponseMessage httpResponse, bool? watch, CancellationToken cancellationToken) =>
        Task.FromResult(new HttpOperationResponse<T> { Request = httpRequest, Response = httpResponse });

    protected override Task<HttpResponseMessage> SendRequest<T>(
        string relativeUri, HttpMethod method, IReadOnlyDictionary<string, IReadOnlyList<string>> customHeaders, T body, CancellationToken cancellationToken)
    {
        // The policy for versions falls back to HTTP/1.1 where the server has no HTTP/2.
        var request = new HttpRequestMessage(method, new Uri(BaseUri, relativeUri)) { Version = HttpVersion.Version20 };
        foreach ((string name, IReadOnlyList<string> values) in headers ?? customHeaders ?? NoHeaders)
        {
            request.Headers.TryAddWithoutValidation(name, values);
        }
        if (body is not null)
        {
            request.Content = new ReadOnlyMemoryContent(BytesOf(body));
            request.Content.Headers.ContentType = GetHeader(body);
        }
        return SendRequestRaw("", request, cancellationToken);
    }

    private static ReadOnlyMemory<byte> BytesOf(object body) => body switch
    {
        Document document => document.Json,
        V1Patch { Content: string json } => Encoding.UTF8.GetBytes(json),
        V1DeleteOptions options => JsonSerializer.SerializeToUtf8Bytes(options, ObjectJson.Of<V1DeleteOptions>()),
        _ => throw new ArgumentException($"a {body.GetType()} can't be sent", nameof(body)),
    };
}
