using k8s;
using k8s.Autorest;

namespace Culvert.Kubernetes.Transport;

/// <summary>
/// The package's client. It makes paths, queries, bodies and headers, adds credentials, and sends requests. It does not read answers: the
/// package has no limit for their size,
/// and fails a whole list for one object.
/// </summary>
/// <param name="configuration">The server, the credentials and the connections.</param>
/// <param name="headers">Headers that each request carries, or null.</param>
internal sealed class PackageClient(KubernetesClientConfiguration configuration, IReadOnlyDictionary<string, IReadOnlyList<string>>? headers)
    : k8s.Kubernetes(configuration, new ErrorBound())
{
    protected override Task<HttpOperationResponse<T>> CreateResultAsync<T>(
        HttpRequestMessage httpRequest, HttpResponseMessage httpResponse, bool? watch, CancellationToken cancellationToken) =>
        Task.FromResult(new HttpOperationResponse<T> { Request = httpRequest, Response = httpResponse });

    protected override Task<HttpResponseMessage> SendRequest<T>(
        string relativeUri, HttpMethod method, IReadOnlyDictionary<string, IReadOnlyList<string>> customHeaders, T body, CancellationToken cancellationToken) =>
        base.SendRequest(relativeUri, method, headers ?? customHeaders, body, cancellationToken);
}
